//===- DynBase.td - The dyn dialect, its attributes and types --*- tablegen -*-===//

#ifndef DYN_DIALECT_DYNBASE
#define DYN_DIALECT_DYNBASE

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/OpBase.td"

def Dyn_Dialect : Dialect {
  let name = "dyn";
  let cppNamespace = "::mlir::dyn";
  let summary = "Tensor programs whose sizes are expressions of named symbols";
  let description = [{
    Values are tensors whose dimensions are numbers, symbols, expressions of symbols, or `?`. Equal expressions are
    equal sizes, so that fusion, broadcasting and memory planning are decided once for all shapes. Weights are symbol
    operations that refer to data outside the IR.

    ```mlir
    dyn.weight @table : !dyn.tensor<[30522, 768], f32> = #dyn.external<"model.safetensors", "embeddings.weight">

    func.func @embed(%ids: !dyn.tensor<[B, S], i64>) -> !dyn.tensor<[B, S, 768], f32>
        attributes {dyn.symbols = {B = #dyn.symbol<1, 64>, S = #dyn.symbol<1, 512>}} {
      %table = dyn.get_weight @table : !dyn.tensor<[30522, 768], f32>
      %rows = dyn.gather %table, %ids {axis = 0} : (!dyn.tensor<[30522, 768], f32>, !dyn.tensor<[B, S], i64>)
          -> !dyn.tensor<[B, S, 768], f32>
      return %rows : !dyn.tensor<[B, S, 768], f32>
    }
    ```

    Symbols are scoped to their function. What is known of one is declared by the function's `dyn.symbols`
    dictionary; a symbol without an entry may have any size from 0.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    /// Name of the function attribute, a dictionary from symbol to `SymbolAttr`, that declares what is known of symbols.
    static constexpr ::llvm::StringLiteral kSymbolsAttr = "dyn.symbols";
    /// Name of the argument and result attribute that holds the name of a model's input or output.
    static constexpr ::llvm::StringLiteral kNameAttr = "dyn.name";
    /// Name of the attribute of a weight without data that holds the name of its tensor in a file, if that is not the
    /// weight's own.
    static constexpr ::llvm::StringLiteral kKeyAttr = "dyn.key";
    void registerTypes();
    Type parseType(DialectAsmParser &parser) const override;
    void printType(Type type, DialectAsmPrinter &printer) const override;

  private:
    /// Types by the text they were read from: a module has few of them, and each at every operation.
    mutable ::std::mutex spellingsMutex;
    mutable ::llvm::StringMap<Type> spellings;
  }];
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

class Dyn_Attr<string name, string attrMnemonic> : AttrDef<Dyn_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Dyn_DimFn : I32Enum<"DimFn", "function of two sizes inside a size expression", [
    I32EnumCase<"FloorDiv", 0, "floordiv">,
    I32EnumCase<"Mod", 1, "mod">,
    I32EnumCase<"Min", 2, "min">,
    I32EnumCase<"Max", 3, "max">,
    I32EnumCase<"Broadcast", 4, "broadcast">]> {
  let cppNamespace = "::mlir::dyn";
}

def Dyn_DimAttr : Dyn_Attr<"Dim", "dim"> {
  let summary = "a size: a polynomial of symbols in normal form, or `?`";
  let description = [{
    A sum of monomials with integer coefficients. A factor of a monomial is a symbol or a `dim_fn` of two sizes. Terms
    and factors are sorted and like terms added, so two sizes are equal for every value of their symbols if they are
    the same attribute. `?` is a size known only at run time; it equals nothing, not even another `?`.

    ```
    dim    ::= sum | `?`
    sum    ::= product ((`+` | `-`) product)*
    product::= unary (`*` unary | `floordiv` unary | `ceildiv` unary | `mod` unary)*
    unary  ::= `-`? (integer | symbol | (`min` | `max` | `broadcast`) `(` sum `,` sum `)` | `(` sum `)`)
    ```

    Example: `#dyn.dim<2 * B * S + P floordiv 2 - 1>`.
  }];
  let parameters = (ins
    "bool":$unknown,
    ArrayRefParameter<"int64_t", "one coefficient a monomial, none 0">:$coefficients,
    ArrayRefParameter<"ArrayAttr", "factors of each monomial: StringAttr or DimFnAttr, sorted">:$monomials);
  let hasCustomAssemblyFormat = 1;
  // Sizes are built by the operators below, which keep the normal form.
  let skipDefaultBuilders = 1;
  let builders = [AttrBuilder<(ins "int64_t":$value)>];
  let extraClassDeclaration = [{
    static DimAttr getUnknown(MLIRContext *context);
    /// From parts already in normal form; the operators below are the way to anything else.
    static DimAttr getNormalized(MLIRContext *context, ArrayRef<int64_t> coefficients, ArrayRef<ArrayAttr> monomials);
    static DimAttr getSymbol(StringAttr name);

    /// True for a size known only at run time (`?`).
    bool isUnknown() const { return getUnknown(); }
    /// The value if the size is a number.
    std::optional<int64_t> getConstant() const;
    bool isConstant(int64_t value) const { return getConstant() == value; }
    /// The name if the size is a symbol alone, null otherwise.
    StringAttr getSymbolName() const;
    /// Calls `visit` with each symbol that occurs in the expression, with repetitions.
    void walkSymbols(llvm::function_ref<void(StringAttr)> visit) const;

    // Arithmetic in normal form. A `?` operand gives `?`, unless the result does not depend on it (`0 * ?`).
    // A coefficient that overflows 64 bits gives `?`.
    DimAttr operator+(DimAttr rhs) const;
    DimAttr operator-(DimAttr rhs) const;
    DimAttr operator*(DimAttr rhs) const;
    /// Rounds towards minus infinity. Exact quotients of polynomials are found: `B * S * 8 floordiv (B * S)` is 8.
    DimAttr floorDiv(DimAttr rhs) const;
    DimAttr ceilDiv(DimAttr rhs) const;
    DimAttr mod(DimAttr rhs) const;
    static DimAttr min(DimAttr lhs, DimAttr rhs);
    static DimAttr max(DimAttr lhs, DimAttr rhs);
    /// The size of two broadcast dimensions: the other one where one is 1. Defined only if they are equal or one is 1.
    static DimAttr broadcast(DimAttr lhs, DimAttr rhs);
    /// `kind` of two sizes, by the functions above.
    static DimAttr apply(DimFn kind, DimAttr lhs, DimAttr rhs);

    /// The same expression with each symbol replaced by `lookup(symbol)`, or kept where that is null.
    DimAttr substitute(llvm::function_ref<DimAttr(StringAttr)> lookup) const;
    /// Prints without the `#dyn.dim<>` around it.
    void printBare(llvm::raw_ostream &os) const;
    std::string str() const;
  }];
}

def Dyn_DimFnAttr : Dyn_Attr<"DimFn", "dim_fn"> {
  let summary = "function of two sizes, a factor inside a `dim`";
  let parameters = (ins EnumParameter<Dyn_DimFn>:$kind, "DimAttr":$lhs, "DimAttr":$rhs);
  let assemblyFormat = "`<` $kind `(` $lhs `,` $rhs `)` `>`";
}

def Dyn_DimsAttr : Dyn_Attr<"Dims", "dims"> {
  let summary = "value of an integer tensor of rank 0 or 1 whose elements are sizes";
  let description = [{
    What a shape tensor holds, known as expressions: `dyn.shape_of` of a `[B, S, 768]` tensor is
    `#dyn.dims<[B, S, 768]>`. `scalar` stands for rank 0. Elements may be negative expressions; none is `?`.

    Example: `#dyn.dims<[B, S + 1, -1]>`, `#dyn.dims<scalar [S]>`.
  }];
  let parameters = (ins "bool":$scalar, ArrayRefParameter<"DimAttr">:$dims);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Dyn_SymbolAttr : Dyn_Attr<"Symbol", "symbol"> {
  let summary = "what is known of a symbol: its range and a number that divides it";
  let description = [{
    Both bounds are included. Without `max` the symbol is not bounded above.

    Example: `#dyn.symbol<1, 512, multiple 8>`, `#dyn.symbol<0>`, `#dyn.symbol<0, multiple 2>`.
  }];
  let parameters = (ins "int64_t":$min, DefaultValuedParameter<"int64_t", "INT64_MAX">:$max,
                        DefaultValuedParameter<"int64_t", "1">:$multiple);
  // `<` min (`,` max)? (`,` `multiple` multiple)? `>`: the declarative format cannot tell the two commas apart.
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Dyn_ExternalAttr : Dyn_Attr<"External", "external"> {
  let summary = "place of a weight's bytes outside the IR";
  let description = [{
    A file with either the name of a tensor in it (safetensors) or a range of bytes. A relative `file` is relative to
    the folder of the IR's file. Nothing is opened to parse, verify or print this attribute.

    Example: `#dyn.external<"model.safetensors", "encoder.0.query">`, `#dyn.external<"model.bin", 4096, 1024>`.
  }];
  let parameters = (ins "StringAttr":$file, "StringAttr":$key, "int64_t":$offset, "int64_t":$length);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let builders = [
    AttrBuilderWithInferredContext<(ins "StringAttr":$file, "StringAttr":$key), [{
      return $_get(file.getContext(), file, key, 0, 0);
    }]>,
    AttrBuilderWithInferredContext<(ins "StringAttr":$file, "int64_t":$offset, "int64_t":$length), [{
      return $_get(file.getContext(), file, StringAttr(), offset, length);
    }]>];
}

def Dyn_ResourceAttr : Dyn_Attr<"Resource", "resource"> {
  let summary = "name of a weight's bytes that travel with the IR";
  let description = [{
    The bytes are in the `dialect_resources` section of the file, under `dyn`. This attribute is a weak handle: it is
    the operation that owns them.

    Example: `#dyn.resource<encoder.0.query>`, `#dyn.resource<"a name">`.
  }];
  let parameters = (ins ResourceHandleParameter<"::mlir::dyn::WeightHandle">:$handle);
  let assemblyFormat = "`<` $handle `>`";
}

def Dyn_AbsentAttr : Dyn_Attr<"Absent", "absent"> {
  let summary = "a weight's bytes are elsewhere, and nobody says where";
  let description = [{
    What `dyn-strip-weights` leaves and `dyn-attach-weights` fills in. A weight whose tensor in a file has another name
    than itself keeps that name as its attribute `dyn.key`.
  }];
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

class Dyn_Type<string name, string typeMnemonic> : TypeDef<Dyn_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Dyn_TensorType : Dyn_Type<"DynTensor", "tensor"> {
  let summary = "a dense tensor whose dimensions are sizes";
  let description = [{
    Dimensions are `dim` expressions, written bare. Element types are f16, bf16, f32, f64, i1, i8, i16, i32, i64 and
    ui8. A number among the dimensions is not negative.

    Example: `!dyn.tensor<[B, S + 1, 768], f32>`, `!dyn.tensor<[], i64>`.
  }];
  let parameters = (ins ArrayRefParameter<"DimAttr">:$shape, "Type":$elementType);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let builders = [TypeBuilderWithInferredContext<(ins "ArrayRef<DimAttr>":$shape, "Type":$elementType), [{
    return $_get(elementType.getContext(), shape, elementType);
  }]>];
  let extraClassDeclaration = [{
    int64_t getRank() const { return getShape().size(); }
    DimAttr getDim(int64_t index) const { return getShape()[index]; }
    /// The number of elements as a size.
    DimAttr getNumElements() const;
    bool hasStaticShape() const;
    DynTensorType clone(ArrayRef<DimAttr> shape) const { return get(shape, getElementType()); }
    DynTensorType clone(Type elementType) const { return get(getShape(), elementType); }

    /// The builtin type with the same numbers and `?` for all other sizes; ui8 becomes i8, which is what code on
    /// builtin tensors works on.
    RankedTensorType toBuiltin() const;
    /// The dyn type of a builtin one: `?` stays `?`.
    static DynTensorType fromBuiltin(RankedTensorType type);
    static bool isValidElementType(Type type);
  }];
}

def Dyn_Tensor : DialectType<Dyn_Dialect, CPred<"::llvm::isa<::mlir::dyn::DynTensorType>($_self)">,
                             "dyn tensor", "::mlir::dyn::DynTensorType">;

class Dyn_TensorOf<string predicate, string what> : DialectType<Dyn_Dialect,
    And<[Dyn_Tensor.predicate, SubstLeaves<"$_self",
         "::llvm::cast<::mlir::dyn::DynTensorType>($_self).getElementType()", CPred<predicate>>]>,
    "dyn tensor of " # what, "::mlir::dyn::DynTensorType">;

def Dyn_BoolTensor : Dyn_TensorOf<"$_self.isInteger(1)", "i1">;
def Dyn_FloatTensor : Dyn_TensorOf<"::llvm::isa<::mlir::FloatType>($_self)", "floats">;
def Dyn_NumberTensor : Dyn_TensorOf<"!$_self.isInteger(1)", "numbers">;
def Dyn_IntTensor : Dyn_TensorOf<"$_self.isIntOrIndex() && !$_self.isInteger(1)", "integers">;
def Dyn_BitsTensor : Dyn_TensorOf<"$_self.isIntOrIndex()", "i1 or integers">;
def Dyn_IndexTensor : Dyn_TensorOf<"$_self.isSignlessInteger(32) || $_self.isSignlessInteger(64)", "i32 or i64">;

#endif // DYN_DIALECT_DYNBASE
