// The rule that a configuration breaks, from each pass that reads it.
// RUN: dyn-opt %s --split-input-file --dyn-decide="target=znver2" --verify-diagnostics
// RUN: dyn-opt %s --split-input-file --dyn-tile="target=znver2" --verify-diagnostics
// RUN: not dyn-opt %s --dyn-decide="target=z80" 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: error: unknown target 'z80', expects one of: skylake-avx512, znver2, neoverse-n1

func.func @too_many_registers(%a: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-error@+1 {{'dyn.lowering' registers 14 x 2 need 31 vector registers, znver2 has 16}}
  %0 = linalg.matmul {dyn.lowering = {registers = array<i64: 14, 2>}}
      ins(%a, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

func.func @no_panels(%a: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-error@+1 {{'dyn.lowering' 'reduction_block', 'prefetch_rows' and 'unroll' are for operands packed as panels, this op has none}}
  %0 = linalg.matmul {dyn.lowering = {reduction_block = 64}}
      ins(%a, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

func.func @not_wide(%a: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-error@+1 {{'dyn.lowering' 'prefetch' is for operands packed as panels and for 'wide' blocks, this op has none}}
  %0 = linalg.matmul {dyn.lowering = {prefetch = 64, registers = array<i64: 2, 2>}}
      ins(%a, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

func.func @too_wide(%a: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-error@+1 {{'dyn.lowering' 'wide' 2 x 8 need 25 vector registers, znver2 has 16}}
  %0 = linalg.matmul {dyn.lowering = {wide = array<i64: 8, 8>}}
      ins(%a, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

func.func @unevenly_wide(%a: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-error@+1 {{'dyn.lowering' 'wide' expects a power of 2 times the 2 vectors of 'registers', got 6}}
  %0 = linalg.matmul {dyn.lowering = {wide = array<i64: 6>}}
      ins(%a, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

func.func @unknown_field(%a: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-error@+1 {{'dyn.lowering' has no field 'rows'}}
  %0 = linalg.matmul {dyn.lowering = {rows = 3}}
      ins(%a, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

func.func @empty_tile(%a: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-error@+1 {{'dyn.lowering' 'tile' expects numbers of at least 1, got 0}}
  %0 = linalg.matmul {dyn.lowering = {tile = array<i64: 0, 16>}}
      ins(%a, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

func.func @three_numbers(%a: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-error@+1 {{'dyn.lowering' 'tile' expects 2 numbers, got 3}}
  %0 = linalg.matmul {dyn.lowering = {tile = array<i64: 1, 16, 4>}}
      ins(%a, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

func.func @no_dictionary(%a: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-error@+1 {{'dyn.lowering' expects a dictionary}}
  %0 = linalg.matmul {dyn.lowering = 3}
      ins(%a, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

#lhs = affine_map<(m, n, k) -> (m, k)>
#panels = affine_map<(m, n, k) -> ((n floordiv 16) mod 2, n floordiv 32, k, n mod 16)>
#out = affine_map<(m, n, k) -> (m, n)>
func.func @cut_panels(%a: tensor<?x768xf32>, %b: tensor<2x24x768x16xf32>, %c: tensor<?x768xf32>) -> tensor<?x768xf32> {
  // expected-error@+1 {{'dyn.lowering' a tile of 24 columns is neither a panel of 16 nor a whole number of pairs}}
  %0 = linalg.generic {indexing_maps = [#lhs, #panels, #out], iterator_types = ["parallel", "parallel", "reduction"],
                       dyn.lowering = {tile = array<i64: 24, 24>}}
      ins(%a, %b : tensor<?x768xf32>, tensor<2x24x768x16xf32>) outs(%c : tensor<?x768xf32>) {
  ^bb0(%x: f32, %y: f32, %sum: f32):
    %1 = arith.mulf %x, %y : f32
    %2 = arith.addf %sum, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<?x768xf32>
  return %0 : tensor<?x768xf32>
}

// -----

func.func @unrolled_too_often(%a: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-error@+1 {{'dyn.lowering' 'unroll' expects at most 16, got 1000}}
  %0 = linalg.matmul {dyn.lowering = {unroll = 1000}}
      ins(%a, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

func.func @streamed_product(%a: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-error@+1 {{'dyn.lowering' has no field 'stream'}}
  %0 = linalg.matmul {dyn.lowering = {stream = 1}}
      ins(%a, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

func.func @transposed_rows(%a: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-error@+1 {{'dyn.lowering' 'transpose' is for contractions with columns that are far apart in an operand, this op has none}}
  %0 = linalg.matmul {dyn.lowering = {transpose = 64}}
      ins(%a, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

func.func @transposed_never(%a: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-error@+1 {{'dyn.lowering' 'transpose' expects at least 0, got -1}}
  %0 = linalg.matmul
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      {dyn.lowering = {transpose = -1}}
      ins(%a, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
