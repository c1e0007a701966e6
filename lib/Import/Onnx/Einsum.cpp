//===- Einsum.cpp - Sums of products in index notation --------------------===//
//
// Operands are contracted from left to right. A pair becomes one batched matrix
// product: labels that both have and that are still needed are batch, those
// that are not needed are contracted, and the rest are rows or columns.
//
// Source: ONNX Einsum-12; NumPy `einsum`.
//
//===----------------------------------------------------------------------===//

#include "OperatorTable.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::dyn;
using namespace mlir::dyn::onnx_import;

namespace {
/// A letter, or the dimension of the ellipsis that is -label-th from its end.
using Label = int;
using Labels = SmallVector<Label>;

struct Term {
  Value value;
  Labels labels;
};

class Contraction {
public:
  explicit Contraction(Node &node)
      : node(node), equation(node.getString("equation")) {}

  Value run();

private:
  bool parse();
  bool parseTerm(StringRef text, int64_t ellipsisRank, Labels &labels);
  void inferOutput();

  /// The diagonal of each pair of dimensions that have one label.
  Term takeDiagonals(Term term);
  /// Sums over labels that `keep` does not have.
  Term sumExcept(Term term, const Labels &keep);
  Term permute(Term term, const Labels &order);
  Term contract(Term lhs, Term rhs, const Labels &needed);
  /// `value` with its first `numKept` dimensions as they are, and after them
  /// one dimension for each group of so many dimensions.
  Value collapse(Value value, size_t numKept, ArrayRef<size_t> groups);
  Term multiply(const Term &lhs, const Term &rhs, size_t numBatch);

  Value error(const Twine &what) {
    return node.error("equation '", equation, "' ", what.str());
  }

  Node &node;
  std::string equation;
  SmallVector<Term> terms;
  Labels output;
  int64_t maxEllipsisRank = 0;
};
} // namespace

static bool contains(const Labels &labels, Label label) {
  return llvm::is_contained(labels, label);
}

//===----------------------------------------------------------------------===//
// Equation
//===----------------------------------------------------------------------===//

bool Contraction::parseTerm(StringRef text, int64_t ellipsisRank,
                            Labels &labels) {
  bool hasEllipsis = false;
  while (!text.empty()) {
    if (text.consume_front("...")) {
      if (hasEllipsis)
        return error("has two ellipses in one term"), false;
      hasEllipsis = true;
      for (int64_t i = ellipsisRank; i > 0; --i)
        labels.push_back(static_cast<Label>(-i));
      continue;
    }
    if (!llvm::isAlpha(text.front()))
      return error("has '" + Twine(text.front()) +
                   "', expects letters, '...', ',' and '->'"),
             false;
    labels.push_back(text.front());
    text = text.drop_front();
  }
  return true;
}

bool Contraction::parse() {
  std::string compact = equation;
  llvm::erase(compact, ' ');
  auto [left, right] = StringRef(compact).split("->");
  bool isExplicit = StringRef(compact).contains("->");
  SmallVector<StringRef> texts;
  left.split(texts, ',');
  if (texts.size() != node.getNumInputs())
    return error("has " + Twine(texts.size()) +
                 (texts.size() == 1 ? " operand" : " operands") + ", expects " +
                 Twine(node.getNumInputs())),
           false;
  for (auto [index, text] : llvm::enumerate(texts)) {
    int64_t rank = node.getInputRank(index);
    int64_t letters = llvm::count_if(text, llvm::isAlpha);
    bool hasEllipsis = text.contains("...");
    if (hasEllipsis ? letters > rank : letters != rank)
      return error("gives operand " + Twine(index) + " rank " + Twine(letters) +
                   (hasEllipsis ? " or more" : "") + ", but it has rank " +
                   Twine(rank)),
             false;
    int64_t ellipsisRank = hasEllipsis ? rank - letters : 0;
    maxEllipsisRank = std::max(maxEllipsisRank, ellipsisRank);
    Term &term = terms.emplace_back(Term{node.getInput(index), {}});
    if (!parseTerm(text, ellipsisRank, term.labels))
      return false;
  }
  if (!isExplicit) {
    inferOutput();
    return true;
  }
  if (!parseTerm(right, maxEllipsisRank, output))
    return false;
  for (auto [index, label] : llvm::enumerate(output)) {
    if (llvm::count(output, label) > 1)
      return error("has '" + Twine(static_cast<char>(label)) +
                   "' twice in its output"),
             false;
    if (llvm::none_of(terms, [&, label = label](const Term &term) {
          return contains(term.labels, label);
        }))
      return error("has '" + Twine(static_cast<char>(label)) +
                   "' in its output, but in no operand"),
             false;
  }
  if (maxEllipsisRank && !right.contains("..."))
    return error("has an ellipsis in an operand, but not in its output"), false;
  return true;
}

/// Without "->": the ellipsis, then the letters that occur once, in
/// alphabetical order.
void Contraction::inferOutput() {
  for (int64_t i = maxEllipsisRank; i > 0; --i)
    output.push_back(static_cast<Label>(-i));
  Labels all;
  for (const Term &term : terms)
    llvm::append_range(all, term.labels);
  llvm::sort(all);
  for (Label label : all)
    if (label > 0 && llvm::count(all, label) == 1)
      output.push_back(label);
}

//===----------------------------------------------------------------------===//
// One term
//===----------------------------------------------------------------------===//

Term Contraction::takeDiagonals(Term term) {
  for (size_t second = 0; second < term.labels.size();) {
    size_t first =
        llvm::find(term.labels, term.labels[second]) - term.labels.begin();
    if (first == second || !term.value) {
      ++second;
      continue;
    }
    // Zeros off the diagonal, so that a sum over the second dimension picks it.
    Type i64 = node.getBuilder().getI64Type();
    int64_t rank = static_cast<int64_t>(term.labels.size());
    auto positions = [&](int64_t axis) {
      Value size = node.squeeze(node.sizes(term.value, axis, axis + 1), {0});
      Value iota =
          node.create<IotaOp>(node.scalar(i64, 0), size, node.scalar(i64, 1));
      return node.unsqueeze(
          iota, llvm::to_vector(llvm::seq<int64_t>(1, rank - axis)));
    };
    Value onDiagonal =
        node.create<EqualOp>(positions(static_cast<int64_t>(first)),
                             positions(static_cast<int64_t>(second)));
    Value masked = node.create<SelectOp>(onDiagonal, term.value,
                                         node.scalarLike(term.value, 0));
    term.value = node.create<ReduceSumOp>(masked, static_cast<int64_t>(second),
                                          /*keep_dims=*/false);
    term.labels.erase(term.labels.begin() + second);
  }
  return term;
}

Term Contraction::sumExcept(Term term, const Labels &keep) {
  SmallVector<int64_t> axes;
  Labels left;
  for (auto [axis, label] : llvm::enumerate(term.labels)) {
    if (contains(keep, label))
      left.push_back(label);
    else
      axes.push_back(static_cast<int64_t>(axis));
  }
  if (axes.empty())
    return term;
  return {node.create<ReduceSumOp>(term.value, axes, /*keep_dims=*/false),
          left};
}

Term Contraction::permute(Term term, const Labels &order) {
  SmallVector<int64_t> permutation;
  for (Label label : order)
    permutation.push_back(llvm::find(term.labels, label) - term.labels.begin());
  return {node.transpose(term.value, permutation), order};
}

//===----------------------------------------------------------------------===//
// Two terms
//===----------------------------------------------------------------------===//

/// The outer product of terms whose first `numBatch` labels are the same ones.
Term Contraction::multiply(const Term &lhs, const Term &rhs, size_t numBatch) {
  auto batch = static_cast<int64_t>(numBatch),
       rows = static_cast<int64_t>(lhs.labels.size()) - batch,
       columns = static_cast<int64_t>(rhs.labels.size()) - batch;
  Value left =
      node.unsqueeze(lhs.value, llvm::to_vector(llvm::seq<int64_t>(
                                    batch + rows, batch + rows + columns)));
  Value right = node.unsqueeze(
      rhs.value, llvm::to_vector(llvm::seq<int64_t>(batch, batch + rows)));
  Labels labels = lhs.labels;
  labels.append(rhs.labels.begin() + numBatch, rhs.labels.end());
  return {node.create<MulOp>(left, right), labels};
}

Value Contraction::collapse(Value value, size_t numKept,
                            ArrayRef<size_t> groups) {
  if (llvm::all_of(groups, [](size_t size) { return size == 1; }))
    return value;
  auto axis = static_cast<int64_t>(numKept);
  SmallVector<Value> shape = {node.sizes(value, 0, axis)};
  for (size_t size : groups) {
    int64_t end = axis + static_cast<int64_t>(size);
    shape.push_back(node.sizeProduct(
        value, llvm::to_vector(llvm::seq<int64_t>(axis, end))));
    axis = end;
  }
  return node.reshape(value, node.concat(shape));
}

Term Contraction::contract(Term lhs, Term rhs, const Labels &needed) {
  Labels keepLeft = needed, keepRight = needed;
  llvm::append_range(keepLeft, rhs.labels);
  llvm::append_range(keepRight, lhs.labels);
  lhs = sumExcept(lhs, keepLeft);
  rhs = sumExcept(rhs, keepRight);

  Labels batch, rows, columns, contracted;
  for (Label label : lhs.labels)
    (!contains(rhs.labels, label) ? rows
     : contains(needed, label)    ? batch
                                  : contracted)
        .push_back(label);
  for (Label label : rhs.labels)
    if (!contains(lhs.labels, label))
      columns.push_back(label);
  auto join = [](ArrayRef<Labels> parts) {
    Labels all;
    for (const Labels &part : parts)
      llvm::append_range(all, part);
    return all;
  };
  lhs = permute(lhs, join({batch, rows, contracted}));
  rhs = permute(rhs, join({batch, contracted, columns}));
  if (contracted.empty())
    return multiply(lhs, rhs, batch.size());

  // Columns and contracted labels become one dimension each, and so do rows,
  // unless a right operand without batch broadcasts along them.
  size_t numBatch = batch.size(), numRows = rows.size();
  bool keepRows = batch.empty() && !rows.empty();
  Value left =
      keepRows ? collapse(lhs.value, numRows, contracted.size())
               : collapse(lhs.value, numBatch, {numRows, contracted.size()});
  Value right =
      collapse(rhs.value, numBatch, {contracted.size(), columns.size()});
  Value product = node.create<MatmulOp>(left, right);
  auto sizes = [&](Value value, size_t begin, size_t count) {
    auto first = static_cast<int64_t>(begin);
    return node.sizes(value, first, first + static_cast<int64_t>(count));
  };
  if ((!keepRows && numRows != 1) || columns.size() != 1)
    product = node.reshape(
        product,
        node.concat(
            {sizes(product, 0, numBatch), sizes(lhs.value, numBatch, numRows),
             sizes(rhs.value, numBatch + contracted.size(), columns.size())}));
  return {product, join({batch, rows, columns})};
}

Value Contraction::run() {
  if (node.hasFailed() || !parse())
    return {};
  for (Term &term : terms)
    term = takeDiagonals(term);
  Term result = terms.front();
  for (size_t index = 1; index < terms.size(); ++index) {
    Labels needed = output;
    for (const Term &later : ArrayRef(terms).drop_front(index + 1))
      llvm::append_range(needed, later.labels);
    result = contract(result, terms[index], needed);
  }
  return permute(sumExcept(result, output), output).value;
}

Value onnx_import::importEinsum(Node &node) { return Contraction(node).run(); }
