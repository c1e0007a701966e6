// RUN: dyn-opt %s --split-input-file --verify-diagnostics --dyn-verify-no-specialization="target=znver2"
// RUN: mlir-opt-22 %s --split-input-file --verify-diagnostics --load-pass-plugin=%dyn_plugin \
// RUN:   --pass-pipeline='builtin.module(dyn-verify-no-specialization{target=znver2})'

// Empty, broadcast, rows of a register tile (up to 12 on this CPU), lanes: remainders.
func.func @remainders(%x: memref<?x?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %m = memref.dim %x, %c0 : memref<?x?xf32>
  %n = memref.dim %x, %c1 : memref<?x?xf32>
  %empty = arith.cmpi eq, %m, %c0 : index
  %one = arith.cmpi eq, %n, %c1 : index
  %short = arith.cmpi ult, %n, %c16 : index
  scf.if %short {
    %any = arith.ori %empty, %one : i1
    scf.if %any {
      memref.dealloc %x : memref<?x?xf32>
    }
  }
  scf.for %i = %c0 to %m step %c16 {
    %left = arith.subi %m, %i : index
    scf.index_switch %left
    case 5 {
      scf.yield
    }
    default {
    }
  }
  return
}

// -----

// Two sizes are no constant, and neither are data.
func.func @other_comparisons(%x: memref<?xi64>, %y: memref<?xi64>, %token: i64) -> (i1, i1, i1) {
  %c0 = arith.constant 0 : index
  %c1000 = arith.constant 1000 : i64
  %m = memref.dim %x, %c0 : memref<?xi64>
  %n = memref.dim %y, %c0 : memref<?xi64>
  %same = arith.cmpi eq, %m, %n : index
  %data = memref.load %x[%c0] : memref<?xi64>
  %known = arith.cmpi ult, %data, %c1000 : i64
  %given = arith.cmpi ult, %token, %c1000 : i64
  return %same, %known, %given : i1, i1, i1
}

// -----

// A position in a loop is no size; a static dimension is none either.
func.func @positions(%x: memref<?x768xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c37 = arith.constant 37 : index
  %m = memref.dim %x, %c0 : memref<?x768xf32>
  %n = memref.dim %x, %c1 : memref<?x768xf32>
  %static = arith.cmpi eq, %n, %c37 : index
  scf.for %i = %c0 to %m step %c1 {
    %early = arith.cmpi ult, %i, %c37 : index
    scf.if %early {
      memref.dealloc %x : memref<?x768xf32>
    }
  }
  return
}

// -----

// A check of the input.
func.func private @dyn_rt_fail(i64, i64, i64)
func.func @checks(%x: memref<?x?xf32>, %message: i64) {
  %c0 = arith.constant 0 : index
  %c768 = arith.constant 768 : index
  %n = memref.dim %x, %c0 : memref<?x?xf32>
  %wrong = arith.cmpi ne, %n, %c768 : index
  scf.if %wrong {
    %got = arith.index_cast %n : index to i64
    func.call @dyn_rt_fail(%message, %got, %message) : (i64, i64, i64) -> ()
  }
  return
}

// -----

// Where to prefetch.
func.func @prefetches(%x: memref<?xf32>, %ahead: index) {
  %c0 = arith.constant 0 : index
  %c768 = arith.constant 768 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %next = arith.addi %n, %ahead : index
  %behind = arith.cmpi uge, %next, %c768 : index
  %wrapped = arith.subi %next, %c768 : index
  %at = arith.select %behind, %wrapped, %next : index
  memref.prefetch %x[%at], read, locality<2>, data : memref<?xf32>
  return
}

// -----

// What the op's own tile sizes are.
func.func @tile_sizes(%m: index) -> i1 {
  %c96 = arith.constant 96 : index
  %full = arith.cmpi uge, %m, %c96 {dyn.tile_sizes = array<i64: 96, 768>} : index
  return %full : i1
}

// -----

func.func @small_batches(%x: memref<?x?xf32>) -> i1 {
  %c0 = arith.constant 0 : index
  %c40 = arith.constant 40 : index
  // expected-note@+1 {{the size comes from here}}
  %m = memref.dim %x, %c0 : memref<?x?xf32>
  // expected-error@+1 {{code is chosen by a dynamic size: compares it with 40, expects 0 to 12 (rows of a register tile)}}
  %small = arith.cmpi ult, %m, %c40 : index
  return %small : i1
}

// -----

func.func @step(%x: memref<?xf32>, %n: index) { // expected-note {{the size comes from here}}
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %c96 = arith.constant 96 : index
  // expected-error@+1 {{compares it with 96}}
  %small = arith.cmpi ult, %n, %c96 : index
  %step = arith.select %small, %c8, %c96 : index
  scf.for %i = %c0 to %n step %step {
    memref.prefetch %x[%i], read, locality<2>, data : memref<?xf32>
  }
  return
}

// -----

func.func @buckets(%x: tensor<?xf32>) {
  %c0 = arith.constant 0 : index
  // expected-note@+1 {{the size comes from here}}
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  // expected-error@+1 {{switches on 128}}
  scf.index_switch %n
  case 1 {
    scf.yield
  }
  case 128 {
    scf.yield
  }
  default {
  }
  return
}

// -----

// Through arithmetic, casts, a branch and a call.
func.func private @choose(%n: i64) -> i1 {
  %c100 = arith.constant 100 : i64
  // expected-error@+1 {{compares it with 100}}
  %few = arith.cmpi slt, %n, %c100 : i64
  return %few : i1
}
func.func @derived(%x: tensor<?x?xf32>, %flag: i1) -> i1 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  // expected-note@+1 {{the size comes from here}}
  %m = tensor.dim %x, %c0 : tensor<?x?xf32>
  %n = tensor.dim %x, %c1 : tensor<?x?xf32>
  %size = arith.muli %m, %n : index
  %either = scf.if %flag -> index {
    scf.yield %size : index
  } else {
    scf.yield %c64 : index
  }
  %number = arith.index_cast %either : index to i64
  %few = func.call @choose(%number) : (i64) -> i1
  return %few : i1
}

// -----

// The constant may hide on the other side.
func.func @shifted(%n: index) -> i1 { // expected-note {{the size comes from here}}
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %left = arith.subi %n, %c512 : index
  // expected-error@+1 {{compares it with 512}}
  %equal = arith.cmpi eq, %left, %c0 : index
  return %equal : i1
}

// -----

func.func @blocks(%n: index) { // expected-note {{the size comes from here}}
  %flag = arith.index_cast %n : index to i32
  // expected-error@+1 {{switches on 256}}
  cf.switch %flag : i32, [
    default: ^other,
    256: ^large
  ]
^large:
  return
^other:
  return
}
