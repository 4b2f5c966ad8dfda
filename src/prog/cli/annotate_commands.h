// The commands about annotations: annotate add, edit, rm and so on.
#ifndef BRUSIO_PROG_CLI_ANNOTATE_COMMANDS_H
#define BRUSIO_PROG_CLI_ANNOTATE_COMMANDS_H

#include "cli/session.h"

// annotate_commands.c: one annotation.
command_run annotate_add_command, annotate_edit_command, annotate_rm_command, annotate_show_command,
    annotate_restore_command;

// annotate_list_commands.c: many, their channels, and whom not to see.
command_run annotate_ls_command, annotate_channels_command, annotate_subscribe_command,
    annotate_unsubscribe_command, annotate_mute_command, annotate_unmute_command,
    annotate_muted_command;

// annotate_transfer.c: documents.
command_run annotate_export_command, annotate_import_command;

// annotate_feed.c: as they come.
command_run annotate_feed_command;

// Adds the options that choose among annotations to a path, as arguments.
void annotate_add_filters(const struct session *session, struct buf *path);

#endif
