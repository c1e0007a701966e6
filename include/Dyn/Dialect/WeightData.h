//===- WeightData.h - Read and change the data of weights -------*- C++ -*-===//
//
// What passes and tools use to get from a `dyn.weight` to its bytes, wherever
// they are. Thread-safe for different weights, as passes nested on them need.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_DIALECT_WEIGHTDATA_H
#define DYN_DIALECT_WEIGHTDATA_H

#include "Dyn/Dialect/Dyn.h"
#include "Dyn/Resources/WeightLocation.h"
#include "llvm/Support/MemoryBuffer.h"

namespace mlir::dyn {

/// The element of a dyn tensor as the resources library calls it.
ElementType getElementType(Type type);
/// The way back; null for elements that the dialect has not.
Type getElementType(MLIRContext *context, ElementType type);
/// The sizes of a tensor that has only numbers as sizes.
std::vector<int64_t> getStaticShape(DynTensorType type);

/// `reference` as the resources library has it.
WeightLocation getLocation(ExternalAttr reference);
ExternalAttr getReference(MLIRContext *context, const WeightLocation &location);

/// Where references of modules in `context` are looked for: to be set by a tool
/// that knows the file it reads, before passes run. Stock tools do not, so that
/// references are relative to the working directory there.
void setWeightFolders(MLIRContext *context, WeightFolders folders);
const WeightFolders &getWeightFolders(MLIRContext *context);

/// The data of `weight`, of its type and shape; a reference is opened, which
/// reads an index and no data. Files are opened once per context. `weightsDir`
/// is the option of that name of the pass, if it has one. Errors, which name
/// the weight: absent data, no such file or tensor, another type or shape.
Result<Blob> readWeight(WeightOp weight, StringRef weightsDir = {});

/// The data of `weight` to be changed, in row-major order; no other weight and
/// no file sees the change. They travel with the IR from then on. The single
/// owner gets them in place; see `Blob::mutableBytes`. Errors: those of
/// `readWeight`, no memory; the weight is as before then.
Result<std::span<std::byte>> changeWeight(WeightOp weight,
                                          StringRef weightsDir = {});

/// Gives `weight` other data, of as many bytes as its type says: they travel
/// with the IR, under the name of the weight, or under its former name if no
/// other weight has it.
void setWeight(WeightOp weight, Blob blob);

/// At which multiple of bytes data of this size start in a file of bytecode.
uint32_t getFileAlignment(uint64_t numBytes);

/// A mapped file as a buffer to parse. Data of weights in it become slices of
/// the file: pages that are read when looked at, changed in private, and
/// unmapped with the last weight.
std::unique_ptr<llvm::MemoryBuffer>
makeBuffer(MLIRContext *context, std::shared_ptr<const MappedFile> file);

/// The mapped file of `context` that `bytes` are in: one that was given to
/// `makeBuffer`, or that a weight has its data from. Null if there is none.
std::shared_ptr<const MappedFile> findFile(MLIRContext *context,
                                           ArrayRef<char> bytes);

/// `bytes`, which something keeps in memory, and unchanged, until `release` is
/// called, as a blob of raw bytes that is not copied. A slice of the file if
/// they are in one given to `makeBuffer`; `release` is called at once then.
Blob viewBytes(MLIRContext *context, ArrayRef<char> bytes,
               std::function<void()> release);

/// Lets go of data that were read from a file, but which no weight has claimed.
/// To be called when nothing is being parsed.
void releaseUnclaimedWeights(MLIRContext *context);

} // namespace mlir::dyn

#endif // DYN_DIALECT_WEIGHTDATA_H
