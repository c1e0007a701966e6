//===- Require.h - What a fuzzer's input may never break --------*- C++ -*-===//

#ifndef DYN_FUZZ_REQUIRE_H
#define DYN_FUZZ_REQUIRE_H

#include <cstdlib>
#include <iostream>

/// Ends the program, which is how a fuzzer sees a fault, also without
/// assertions.
inline void require(bool condition, const char *what) {
  if (condition)
    return;
  std::cerr << "broken promise: " << what << '\n';
  std::abort();
}

#endif // DYN_FUZZ_REQUIRE_H
