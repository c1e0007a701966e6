//===- Sanitizers.cpp - How sanitizers run these tests --------------------===//

#include "dyn/runtime.h"

// Sanitizers, too, are to return null when asked for more memory than there is.
// NOLINTBEGIN(bugprone-reserved-identifier): the sanitizers ask for these names
extern "C" DYN_API const char *__asan_default_options() {
  return "allocator_may_return_null=1";
}
extern "C" DYN_API const char *__tsan_default_options() {
  return "allocator_may_return_null=1";
}
// NOLINTEND(bugprone-reserved-identifier)
