//===- Cpu.h - What this machine can run ------------------------*- C++ -*-===//

#ifndef DYN_RUNTIME_CPU_H
#define DYN_RUNTIME_CPU_H

#include "Metadata.h"

#include <string>
#include <string_view>

namespace mlir::dyn::runtime {

/// What the machine has of a feature that LLVM calls `feature`.
enum class Support : uint8_t {
  Yes,
  No,
  /// The runtime does not know that name.
  Unknown
};
using FeatureQuery = Support (*)(std::string_view feature);

/// Asks this machine, operating system included.
Support queryFeature(std::string_view feature);

/// The architecture this runtime is built for, as target triples and ELF call
/// it: "x86_64", "aarch64".
std::string_view getArchitecture();
/// e_machine of ELF for that architecture.
uint16_t getElfMachine();
/// The architecture of an ELF file by its e_machine, "an unknown machine" for
/// those that no target has.
std::string_view getArchitectureName(uint16_t elfMachine);

/// The index of the first target that the machine behind `query` can run. Fails
/// if there is none, with what is missing and what to do.
size_t selectTarget(const Metadata &metadata, std::string_view artifact,
                    FeatureQuery query = queryFeature);

} // namespace mlir::dyn::runtime

#endif // DYN_RUNTIME_CPU_H
