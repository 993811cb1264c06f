# Turns a document into calls of the functions of run.sh. Blocks, by what stands behind the three backquotes:
#   c file=NAME      (any language) the reader writes this file
#   sh test          the reader runs this
#   sh test jit      the same, only where chains are compiled
#   output           what that printed; `...` stands for anything, alone on a line for any lines
#   output jit       the same, only where chains are compiled
# A line <!-- with: NAME.md --> takes over the files of another chapter. Blocks with other marks are for reading only.
function begin(line,    words) {
    split(line, words, " ")
    call = ""
    if (match(line, /file=[^ ]+/))
        call = "put '" substr(line, RSTART + 5, RLENGTH - 5) "'"
    else if (!files_only && line ~ /^```sh test( jit)?$/)
        call = "step " FNR " " (words[3] ? words[3] : "always")
    else if (!files_only && line ~ /^```output( jit)?$/)
        call = "printed " FNR " " (words[2] ? words[2] : "always")
    if (call)
        print call " <<'END-OF-BLOCK'"
}
function take_files(name,    folder, command) {
    folder = FILENAME
    sub(/[^\/]*$/, "", folder)
    command = "awk -v files_only=1 -f '" script "' '" folder name "'"
    if (system("test -r '" folder name "'") != 0) {
        print "no such chapter: " name >"/dev/stderr"
        failed = 1
        exit 1
    }
    while ((command | getline line) > 0)
        print line
    close(command)
}
BEGIN { script = ENVIRON["HOOKLINE_SOURCE"] "/tests/docs/support/extract.awk" }
!inside && /^<!-- with: .* -->$/ { if (!files_only) take_files($3); next }
!inside && /^```/ { inside = 1; begin($0); next }
inside && /^```$/ { inside = 0; if (call) print "END-OF-BLOCK"; next }
inside && call { print }
END {
    if (!failed && inside) {
        print FILENAME ": a block has no end" >"/dev/stderr"
        exit 1
    }
}
