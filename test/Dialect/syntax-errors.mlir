// RUN: dyn-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{expected a size: a number, a symbol or an expression of them}}
func.func private @f(!dyn.tensor<[B, ], f32>)

// -----

// expected-error@+1 {{expected a size: a number, a symbol or an expression of them}}
func.func private @f(!dyn.tensor<[S +], f32>)

// -----

// expected-error@+1 {{expected '('}}
func.func private @f(!dyn.tensor<[min S], f32>)

// -----

// expected-error@+1 {{size expression divides by 0, has numbers of more than 64 bits or is too long}}
func.func private @f(!dyn.tensor<[S floordiv (2 - 2)], f32>)

// -----

// expected-error@+1 {{size expression divides by 0, has numbers of more than 64 bits or is too long}}
func.func private @f(!dyn.tensor<[9223372036854775807 * S + S], f32>)

// -----

// expected-error@+1 {{expected a number of at most 64 bits}}
func.func private @f(!dyn.tensor<[9223372036854775808], f32>)

// -----

// `?` is a size alone, not a part of one.
// expected-error@+1 {{expected a size: a number, a symbol or an expression of them}}
func.func private @f(!dyn.tensor<[2 * ?], f32>)

// -----

// expected-error@+1 {{expects sizes of at least 0, got -1 for dimension 1}}
func.func private @f(!dyn.tensor<[S, -1], f32>)

// -----

// expected-error@+1 {{expects element type f16, bf16, f32, f64, i1, i8, i16, i32, i64 or ui8, got 'ui16'}}
func.func private @f(!dyn.tensor<[S], ui16>)

// -----

// expected-error@+1 {{expected ','}}
func.func private @f(!dyn.tensor<[S]>)

// -----

// expected-error@+1 {{expects one element in a scalar, got 2}}
func.func private @f() attributes {x = #dyn.dims<scalar [S, T]>}

// -----

// expected-error@+1 {{expects known sizes, got ?}}
func.func private @f() attributes {x = #dyn.dims<[S, ?]>}

// -----

// expected-error@+1 {{expects a minimum of at least 0, got -1}}
func.func private @f() attributes {dyn.symbols = {S = #dyn.symbol<-1>}}

// -----

// expected-error@+1 {{expects a maximum of at least the minimum 8, got 4}}
func.func private @f() attributes {dyn.symbols = {S = #dyn.symbol<8, 4>}}

// -----

// expected-error@+1 {{expects a multiple of at least 1, got 0}}
func.func private @f() attributes {dyn.symbols = {S = #dyn.symbol<8, 16, multiple 0>}}

// -----

// expected-error@+1 {{expected 'multiple'}}
func.func private @f() attributes {dyn.symbols = {S = #dyn.symbol<8, 16, 8>}}

// -----

// expected-error@+1 {{expects the name of a file}}
dyn.weight @w : !dyn.tensor<[4], f32> = #dyn.external<"", "w">

// -----

// expected-error@+1 {{expects offset and length of at least 0, got -4 and 16}}
dyn.weight @w : !dyn.tensor<[4], f32> = #dyn.external<"w.bin", -4, 16>

// -----

// expected-error@+1 {{expects 'dyn.symbols' to be a dictionary, got 1 : i64}}
func.func private @f() attributes {dyn.symbols = 1}

// -----

// expected-error@+1 {{expects 'dyn.symbols' to hold #dyn.symbol attributes, got 1 : i64 for 'S'}}
func.func private @f() attributes {dyn.symbols = {S = 1}}

// -----

// expected-error@+1 {{carries 'dyn.symbols', which belongs on a function}}
module attributes {dyn.symbols = {}} {}

// -----

// expected-error@+1 {{expects a type of dyn, got 'tenser'}}
func.func private @f(!dyn.tenser<[2], f32>)

// -----

// A text that was refused is refused again.
// expected-error@+1 {{expects element type f16, bf16, f32}}
func.func private @f(!dyn.tensor<[2], f32>, !dyn.tensor<[2], i7>)

// -----

// expected-error@+1 {{expects element type f16, bf16, f32}}
func.func private @g(!dyn.tensor<[2], f32>, !dyn.tensor<[2], i7>)
