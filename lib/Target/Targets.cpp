//===- Targets.cpp - The CPUs that code is made for -----------------------===//

#include "Dyn/Target/Target.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir::dyn;
using llvm::StringLiteral;

// A feature is required if LLVM, for that CPU, puts its instructions into code
// that does not ask for them. Register tiles and prefetch distances are
// measured (benchmarks/kernels); a tile of R rows and V vectors takes R * V
// accumulators, V registers for the right-hand side and one for the left.

static constexpr StringLiteral kSkylakeFeatures[] = {
    "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "fma",
    "bmi",     "bmi2",     "f16c",     "lzcnt",    "movbe",    "popcnt"};

static constexpr StringLiteral kZen2Features[] = {
    "avx2", "fma", "bmi", "bmi2", "f16c", "lzcnt", "movbe", "popcnt"};

static constexpr StringLiteral kNeoverseFeatures[] = {"neon", "lse"};

static constexpr Target kTargets[] = {
    // Intel 64 and IA-32 Architectures Optimization Reference Manual
    // (248966-046), 2.6 "Skylake Server Microarchitecture": 32 registers of 512
    // bits, FMA on ports 0+1 and 5; L1 32 KiB, L2 1 MiB.
    {.name = "skylake-avx512",
     .triple = "x86_64-unknown-linux-gnu",
     .features = "",
     .required = kSkylakeFeatures,
     .vectorBits = 512,
     .vectorRegisters = 32,
     .fmaPorts = 2,
     .cacheLine = 64,
     .l1Cache = 32 << 10,
     .l2Cache = 1 << 20,
     .tile = {14, 2},
     .dotTile = {6, 4},
     .prefetchDistance = 4096,
     .prefetchRows = 1,
     .unrolledSteps = 1,
     // Twice a last level of 32 MiB, where that was measured: a product right
     // behind the writer loses up to 48 MiB and is as fast at 96 MiB, where
     // results that leave the model gain 11 to 14%.
     .stream = 64 << 20,
     .scalef = true},
    // AMD 56305 rev 3.03, "Software Optimization Guide for AMD EPYC 7002", 2.10
    // to 2.12: two FMA pipes of 256 bits, 16 registers; L1 32 KiB, L2 512 KiB.
    {.name = "znver2",
     .triple = "x86_64-unknown-linux-gnu",
     // AMD's alone: without it the code runs on every CPU with AVX2.
     .features = "-sse4a",
     .required = kZen2Features,
     .vectorBits = 256,
     .vectorRegisters = 16,
     .fmaPorts = 2,
     .cacheLine = 64,
     .l1Cache = 32 << 10,
     .l2Cache = 512 << 10,
     .tile = {6, 2},
     .dotTile = {2, 4},
     .prefetchDistance = 8192,
     .prefetchRows = 1,
     .unrolledSteps = 2,
     // Twice the 16 MiB of the last level that a complex of four cores shares.
     .stream = 32 << 20,
     .scalef = false},
    // Arm Neoverse N1 Software Optimization Guide (PJDOC-466751330-9685), 2.1
    // and 3.16: two ASIMD pipes of 128 bits, 32 registers; L1 64 KiB. AWS
    // Graviton Technical Guide: L2 1 MiB.
    {.name = "neoverse-n1",
     .triple = "aarch64-unknown-linux-gnu",
     .features = "",
     .required = kNeoverseFeatures,
     .vectorBits = 128,
     .vectorRegisters = 32,
     .fmaPorts = 2,
     .cacheLine = 64,
     .l1Cache = 64 << 10,
     .l2Cache = 1 << 20,
     .tile = {5, 4},
     .dotTile = {4, 4},
     .prefetchDistance = 8192,
     .prefetchRows = 1,
     .unrolledSteps = 4,
     // Lines that are written as a whole are not read first: the write
     // streaming mode of its Technical Reference Manual (100616).
     .stream = 0,
     .scalef = false},
};

llvm::ArrayRef<Target> mlir::dyn::allTargets() { return kTargets; }

llvm::Expected<const Target *> mlir::dyn::lookupTarget(llvm::StringRef name) {
  for (const Target &target : kTargets)
    if (target.name == name)
      return &target;
  std::string known = llvm::join(
      llvm::map_range(kTargets, [](const Target &t) { return t.name.str(); }),
      ", ");
  return llvm::createStringError("unknown target '%s', expects one of: %s",
                                 name.str().c_str(), known.c_str());
}
