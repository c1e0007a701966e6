// RUN: dyn-opt %s --dyn-externalize-weights --verify-diagnostics

// expected-error@+2 {{'arith.constant' op expects 8 bytes in resource 'w' for 'tensor<2xf32>', got 4}}
func.func @short() -> tensor<2xf32> {
  %0 = arith.constant dense_resource<w> : tensor<2xf32>
  return %0 : tensor<2xf32>
}
{-# dialect_resources: { builtin: { w: "0x040000000000803F" } } #-}
