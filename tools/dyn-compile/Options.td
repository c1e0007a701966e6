//===- Options.td - The command line of dyn-compile -----------*- tablegen -*-===//

include "llvm/Option/OptParser.td"

class Value<string name, string metavar, string help>
    : Joined<["--"], name # "=">, MetaVarName<metavar>, HelpText<help>;
class ValueAfterSpace<string name, string joined>
    : Separate<["--"], name>, Alias<!cast<Option>(joined)>;

def help : Flag<["--"], "help">, HelpText<"Show this and exit">;
def : Flag<["-"], "h">, Alias<help>;
def version : Flag<["--"], "version">, HelpText<"Show the versions of Dyn, MLIR and bytecode and exit">;

def output : Separate<["-"], "o">, MetaVarName<"<file>">,
    HelpText<"What to write: OUT.so, or the text of a stage ('-' is standard output)">;

def target : Value<"target", "<cpu[,cpu...]>",
    "CPUs to make code for: native (default), skylake-avx512, znver2, neoverse-n1">;
def : ValueAfterSpace<"target", "target">;

def entry : Value<"entry", "<name>", "The function to compile, where the model has several">;
def : ValueAfterSpace<"entry", "entry">;

def emit : Value<"emit", "<stage>",
    "What to write: graph, tensor, tiled, llvm, llvm-ir, asm, obj or so (default)">;
def : ValueAfterSpace<"emit", "emit">;

def dim : Value<"dim", "<name=min:max[:multiple]>", "What is known of a symbolic size; may be repeated">;
def : ValueAfterSpace<"dim", "dim">;

def weights_dir : Value<"weights-dir", "<dir>", "A folder besides the model's own where weight files may be">;
def : ValueAfterSpace<"weights-dir", "weights_dir">;

def report : Value<"report", "<file.json>", "Write seconds per phase, kernels, weights, memory and target there">;
def : ValueAfterSpace<"report", "report">;

def timing : Flag<["--"], "timing">, HelpText<"Show the seconds of each phase on standard error">;
