//===- WeightResources.h - The dialect's resources section ------*- C++ -*-===//

#ifndef DYN_LIB_DIALECT_WEIGHTRESOURCES_H
#define DYN_LIB_DIALECT_WEIGHTRESOURCES_H

#include "Dyn/Dialect/WeightData.h"
#include "llvm/ADT/StringMap.h"

#include <mutex>

namespace mlir::dyn {

/// The bytes of a resource, shared by the sources that name it.
struct WeightSource::Data {
  WeightSlot *slot;
  /// Set once, by whoever makes it or by the parser.
  std::optional<Blob> blob;
};

/// Upstream reads the resources of bytecode before the operations and those of
/// text after them. So data wait here for the first source that names them, or
/// a source waits for data.
struct WeightSlot {
  DynDialect *dialect = nullptr;
  StringRef name;

  /// The bytes behind the name: those that sources have, or those that wait.
  std::shared_ptr<WeightSource::Data> claim();
  /// Fails if there are some already.
  LogicalResult provide(Blob blob);
  /// The bytes that sources have; null if none has.
  std::shared_ptr<WeightSource::Data> get();
  void releaseUnclaimed();
  /// The bytes of a new source, not of the file that is read.
  std::shared_ptr<WeightSource::Data> create(Blob blob);

private:
  std::mutex mutex;
  std::weak_ptr<WeightSource::Data> claimed;
  std::optional<Blob> waiting;
};

/// Reads and writes `dialect_resources` of dyn, and keeps what its modules
/// share in a context.
class WeightResources : public OpAsmDialectInterface {
public:
  explicit WeightResources(Dialect *dialect)
      : OpAsmDialectInterface(dialect), state(std::make_unique<State>()) {}

  FailureOr<AsmDialectResourceHandle>
  declareResource(StringRef key) const final;
  std::string
  getResourceKey(const AsmDialectResourceHandle &handle) const final;
  LogicalResult parseResource(AsmParsedResourceEntry &entry) const final;
  void
  buildResources(Operation *op,
                 const SetVector<AsmDialectResourceHandle> &referencedResources,
                 AsmResourceBuilder &builder) const final;

  static const WeightResources &get(MLIRContext *context);

  /// A slot called `name`, or `name_1` and so on if that is taken.
  WeightSlot &addSlot(StringRef name) const;
  Blob viewBytes(ArrayRef<char> bytes, std::function<void()> release) const;
  std::shared_ptr<const MappedFile> findFile(ArrayRef<char> data) const;
  void addFile(const std::shared_ptr<const MappedFile> &file) const;
  void releaseUnclaimed() const;
  WeightFolders &getFolders() const { return state->folders; }
  FileCache &getFiles() const { return state->cache; }

private:
  // Upstream's hooks are const; what they change is not the dialect.
  struct State {
    std::mutex mutex; ///< Of `slots` and `files`.
    llvm::StringMap<std::unique_ptr<WeightSlot>> slots;
    std::vector<std::weak_ptr<const MappedFile>> files;
    FileCache cache;
    WeightFolders folders;
  };

  FailureOr<Blob> parseBlob(AsmParsedResourceEntry &entry) const;

  std::unique_ptr<State> state;
};

} // namespace mlir::dyn

#endif // DYN_LIB_DIALECT_WEIGHTRESOURCES_H
