//===- Result.h - A value or one sentence about why not ---------*- C++ -*-===//
//
// How this library reports errors: without exceptions, and without LLVM's
// types, which it does not see.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_RESOURCES_RESULT_H
#define DYN_RESOURCES_RESULT_H

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace mlir::dyn {

/// One sentence for the user: which file or tensor, what was expected, what
/// came. Lower case, no full stop, one line.
class Error {
public:
  explicit Error(std::string message) : text(std::move(message)) {}
  const std::string &message() const { return text; }

private:
  std::string text;
};

/// A `T` or an `Error`. True if it holds a value, which `*` and `->` give;
/// `error()` may be asked for otherwise only, and can be returned as it is from
/// a function with another `Result`.
template <typename T = void> class [[nodiscard]] Result {
public:
  Result(T value) : state(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state.index() == 0; }
  T &operator*() & { return *get(); }
  const T &operator*() const & { return *get(); }
  // By value: `for (x : *f())` would outlive what a reference refers to.
  T operator*() && { return std::move(*get()); }
  T *operator->() { return get(); }
  const T *operator->() const { return get(); }
  const Error &error() const {
    assert(!*this && "there is no error");
    return *std::get_if<1>(&state);
  }

private:
  T *get() {
    assert(*this && "an error was not looked at");
    return std::get_if<0>(&state);
  }
  const T *get() const { return const_cast<Result *>(this)->get(); }

  std::variant<T, Error> state;
};

/// Success or an `Error`.
template <> class [[nodiscard]] Result<void> : public Result<std::monostate> {
public:
  Result() : Result<std::monostate>(std::monostate()) {}
  Result(Error error) : Result<std::monostate>(std::move(error)) {}
};

} // namespace mlir::dyn

#endif // DYN_RESOURCES_RESULT_H
