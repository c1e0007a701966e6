// RUN: dyn-opt %s --split-input-file --verify-diagnostics

// weight_c3
// expected-error@+1 {{expects a resource 'w' in the file; #dyn.absent is for data that are elsewhere}}
dyn.weight @w : !dyn.tensor<[4], f32> = #dyn.resource<w>

// -----

// weight_c2
// expected-error@+1 {{expects 16 bytes for '!dyn.tensor<[4], f32>', got 8}}
dyn.weight @w : !dyn.tensor<[4], f32> = #dyn.resource<w>
{-# dialect_resources: { dyn: { w: "0x040000000000803F00000040" } } #-}

// -----

// weight_c2: an i1 is a byte.
// expected-error@+1 {{expects 8 bytes for '!dyn.tensor<[8], i1>', got 1}}
dyn.weight @w : !dyn.tensor<[8], i1> = #dyn.resource<w>
{-# dialect_resources: { dyn: { w: "0x04000000FF" } } #-}

// -----

// expected-error@+1 {{expects #dyn.external, #dyn.resource or #dyn.absent, got "text"}}
dyn.weight @w : !dyn.tensor<[4], f32> = "text"

// -----

// A name in the resources of another dialect is another name.
// expected-error@+1 {{expects a resource 'w' in the file}}
dyn.weight @w : !dyn.tensor<[1], f32> = #dyn.resource<w>
{-# dialect_resources: { builtin: { w: "0x040000000000803F" } } #-}

// -----

dyn.weight @w : !dyn.tensor<[1], f32> = #dyn.resource<w>
{-# dialect_resources: { dyn: {
  w: "0x040000000000803F",
// expected-error@+1 {{resource 'w' has data already}}
  w: "0x0400000000000040"
} } #-}

// -----

dyn.weight @w : !dyn.tensor<[1], f32> = #dyn.resource<w>
{-# dialect_resources: { dyn: {
// expected-error@+1 {{blob}}
  w: "text"
} } #-}

// -----

// expected-error@+1 {{carries 'dyn.key', which belongs on a dyn.weight}}
func.func private @f() attributes {dyn.key = "w"}

// -----

// expected-error@+1 {{expects 'dyn.key' to be a string, got 3 : i64}}
dyn.weight @w : !dyn.tensor<[1], f32> = #dyn.absent {dyn.key = 3}
