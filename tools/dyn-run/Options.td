//===- Options.td - The command line of dyn-run ---------------*- tablegen -*-===//

include "llvm/Option/OptParser.td"

class Value<string name, string metavar, string help>
    : Joined<["--"], name # "=">, MetaVarName<metavar>, HelpText<help>;
class ValueAfterSpace<string name, string joined>
    : Separate<["--"], name>, Alias<!cast<Option>(joined)>;

def help : Flag<["--"], "help">, HelpText<"Show this and exit">;
def : Flag<["-"], "h">, Alias<help>;
def version : Flag<["--"], "version">, HelpText<"Show the versions of Dyn, MLIR and bytecode and exit">;

def input : Value<"input", "<name=file.npy>", "The array of one input; may be repeated">;
def : ValueAfterSpace<"input", "input">;

def random : Value<"random", "<name=4x17 | B=4,S=17>",
    "Random numbers for the inputs that are not given: the shape of one, or the sizes of symbols">;
def : ValueAfterSpace<"random", "random">;

def output_dir : Value<"output-dir", "<dir>", "Write each output to NAME.npy there">;
def : ValueAfterSpace<"output-dir", "output_dir">;

def threads : Value<"threads", "<n>", "Threads of a run; 0 (default) is one a CPU">;
def : ValueAfterSpace<"threads", "threads">;

def bench : Flag<["--"], "bench">, HelpText<"Run for 2 seconds; show median, minimum and 99th percentile">;
def bench_EQ : Joined<["--"], "bench=">, MetaVarName<"<seconds>">, HelpText<"The same for so many seconds">;

def json : Flag<["--"], "json">, HelpText<"One JSON object on standard output instead of text">;

def weights_dir : Value<"weights-dir", "<dir>", "A folder besides the model's own where weight files may be">;
def : ValueAfterSpace<"weights-dir", "weights_dir">;

def entry : Value<"entry", "<name>", "The function to run, where the model has several">;
def : ValueAfterSpace<"entry", "entry">;
