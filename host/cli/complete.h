/* What a command line that is not finished may go on with. */
#ifndef USHER_CLI_COMPLETE_H
#define USHER_CLI_COMPLETE_H

#define COMPLETE_FLAG "--complete"

/* ARGV is what stands behind COMPLETE_FLAG: the words of the command line without the
   program's name, the last one being typed and maybe empty.  Prints lines of a candidate,
   a tab and what it is; a line that begins with a tab says that names of files fit too,
   behind the text that follows the tab.  What cannot be found out is left out. */
void complete (int argc, char *const *argv);

#endif
