//===- Sanitizers.cpp - AddressSanitizer beside LLVM's libraries ----------===//

/// LLVM's allocator poisons memory in code that is compiled here, and does not
/// take that back in LLVM's own libraries, which are compiled without.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer gives the name.
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0:detect_container_overflow=0";
}
