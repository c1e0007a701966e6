//===- Cpu.cpp - What this machine can run --------------------------------===//

#include "Cpu.h"

#include "Failure.h"

#include <elf.h>
#include <sys/auxv.h>

namespace mlir::dyn::runtime {

#if defined(__x86_64__)

std::string_view getArchitecture() { return "x86_64"; }
uint16_t getElfMachine() { return EM_X86_64; }

Support queryFeature(std::string_view feature) {
  // The builtin takes literals only. It asks CPUID and XGETBV: what the
  // operating system does not save is not there.
// NOLINTBEGIN(bugprone-macro-parentheses): the builtin takes a literal
#define DYN_FEATURE(NAME)                                                      \
  if (feature == NAME)                                                         \
    return __builtin_cpu_supports(NAME) ? Support::Yes : Support::No;
  // NOLINTEND(bugprone-macro-parentheses)
  DYN_FEATURE("sse3")
  DYN_FEATURE("ssse3")
  DYN_FEATURE("sse4.1")
  DYN_FEATURE("sse4.2")
  DYN_FEATURE("popcnt")
  DYN_FEATURE("lzcnt")
  DYN_FEATURE("movbe")
  DYN_FEATURE("adx")
  DYN_FEATURE("bmi")
  DYN_FEATURE("bmi2")
  DYN_FEATURE("f16c")
  DYN_FEATURE("fma")
  DYN_FEATURE("avx")
  DYN_FEATURE("avx2")
  DYN_FEATURE("avxvnni")
  DYN_FEATURE("avx512f")
  DYN_FEATURE("avx512cd")
  DYN_FEATURE("avx512bw")
  DYN_FEATURE("avx512dq")
  DYN_FEATURE("avx512vl")
  DYN_FEATURE("avx512vnni")
  DYN_FEATURE("avx512bf16")
  DYN_FEATURE("avx512fp16")
  DYN_FEATURE("xop") // Of no current CPU; lets tests see a refusal.
#undef DYN_FEATURE
  // Part of x86-64.
  if (feature == "sse" || feature == "sse2")
    return Support::Yes;
  return Support::Unknown;
}

/// The widest vectors there are, for people, and the target to compile for.
static std::pair<const char *, const char *> describe(FeatureQuery query) {
  if (query("avx512vl") == Support::Yes)
    return {"AVX-512", "skylake-avx512"};
  if (query("avx2") == Support::Yes)
    return {"AVX2", "znver2"};
  return {query("avx") == Support::Yes ? "AVX" : "SSE", nullptr};
}

#elif defined(__aarch64__)

std::string_view getArchitecture() { return "aarch64"; }
uint16_t getElfMachine() { return EM_AARCH64; }

Support queryFeature(std::string_view feature) {
  unsigned long capabilities = getauxval(AT_HWCAP);
  // Bits of Linux's arch/arm64/include/uapi/asm/hwcap.h.
  constexpr std::pair<std::string_view, int> kBits[] = {
      {"fp-armv8", 0}, {"neon", 1},     {"aes", 3},       {"sha2", 6},
      {"crc", 7},      {"lse", 8},      {"fullfp16", 10}, {"rdm", 12},
      {"rcpc", 15},    {"dotprod", 20}, {"sve", 22},      {"ssbs", 28}};
  for (auto [name, bit] : kBits)
    if (feature == name)
      return capabilities >> bit & 1 ? Support::Yes : Support::No;
  return Support::Unknown;
}

static std::pair<const char *, const char *> describe(FeatureQuery query) {
  return {"NEON", query("dotprod") == Support::Yes ? "neoverse-n1" : nullptr};
}

#else
#error "the runtime does not know this architecture's CPU features"
#endif

std::string_view getArchitectureName(uint16_t elfMachine) {
  switch (elfMachine) {
  case EM_X86_64:
    return "x86_64";
  case EM_AARCH64:
    return "aarch64";
  default:
    return "an unknown machine";
  }
}

/// "AVX-512" for each of its parts, other names in capitals: "AVX2".
static std::string formatFeature(std::string_view feature) {
  if (feature.starts_with("avx512"))
    return "AVX-512";
  std::string text(feature);
  for (char &letter : text)
    if (letter >= 'a' && letter <= 'z')
      letter = static_cast<char>(letter - 'a' + 'A');
  return text;
}

size_t selectTarget(const Metadata &metadata, std::string_view artifact,
                    FeatureQuery query) {
  std::string missing;
  for (size_t i = 0; i < metadata.targets.size(); ++i) {
    const Target &target = metadata.targets[i];
    std::string lacks;
    if (!target.triple.starts_with(getArchitecture()))
      lacks = target.triple.substr(0, target.triple.find('-'));
    for (const std::string &feature : target.features) {
      if (!lacks.empty())
        break;
      Support support = query(feature);
      if (support == Support::Unknown)
        fail(DYN_INVALID_ARTIFACT, artifact, " needs the CPU feature '",
             feature, "', which this runtime (", dyn_version(),
             ") does not know: use the runtime of the dyn-compile that wrote "
             "it");
      if (support == Support::No)
        lacks = formatFeature(feature);
    }
    if (lacks.empty())
      return i;
    missing += (missing.empty() ? "" : " or ") + lacks + " (compiled for " +
               target.cpu + ")";
  }
  auto [vectors, target] = describe(query);
  if (target)
    fail(DYN_INVALID_ARTIFACT, artifact, " needs ", missing, ", this CPU has ",
         vectors, ": compile with --target=", target);
  fail(DYN_INVALID_ARTIFACT, artifact, " needs ", missing, ", this CPU has ",
       vectors, ", which no target of dyn-compile runs on");
}

} // namespace mlir::dyn::runtime
