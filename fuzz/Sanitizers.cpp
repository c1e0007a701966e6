//===- Sanitizers.cpp - Sanitizers beside LLVM's libraries ----------------===//

/// LLVM's allocator poisons memory in code that is compiled here, and does not
/// take that back in LLVM's own libraries, which are compiled without.
// NOLINTBEGIN(bugprone-reserved-identifier): the sanitizers give the names.
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0:detect_container_overflow=0";
}

/// Contexts publish the locks of their tables by atomics in LLVM's libraries,
/// which ThreadSanitizer does not see.
extern "C" const char *__tsan_default_suppressions() {
  return "race_top:pthread_rwlock_";
}
// NOLINTEND(bugprone-reserved-identifier)
