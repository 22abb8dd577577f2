// SPDX-License-Identifier: GPL-2.0-only
#include "cmd.h"
int wr_cmd_doctor(int argc, char **argv)
{
	(void)argc; (void)argv;
	return 0;
}
