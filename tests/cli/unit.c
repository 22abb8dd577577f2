// SPDX-License-Identifier: GPL-2.0-only
/* unit --list | unit NAME | unit --tables DIR | unit --manage COMMAND ARGUMENT... | unit --launcher STATUS */
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "util.h"

unsigned int unit_failures;

static const struct unit_test *const tables[] = {
	unit_basic, unit_devices, unit_boot, unit_control, unit_client, unit_config, unit_manage,
};

int main(int argc, char **argv)
{
	const struct unit_test *test;
	bool found = false;
	size_t i;

	if (argc == 3 && !strcmp(argv[1], "--tables")) {
		unit_write_tables(argv[2]);
		return unit_failures != 0;
	}
	if (argc >= 3 && !strcmp(argv[1], "--manage"))
		return unit_command(argc - 2, argv + 2);
	if (argc == 3 && !strcmp(argv[1], "--launcher"))
		return unit_launcher(atoi(argv[2]));
	if (argc != 2)
		return 2;
	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		for (test = tables[i]; test->name; test++) {
			if (!strcmp(argv[1], "--list"))
				puts(test->name);
			else if (strcmp(argv[1], test->name))
				continue;
			else
				test->run();
			found = true;
		}
	}
	return !found || unit_failures;
}
