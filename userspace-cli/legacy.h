/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_LEGACY_H
#define WARREN_CLI_LEGACY_H

#include <stdbool.h>
#include <stdint.h>

#include "ports.h"
#include "stop.h"

/**
 * struct wr_legacy - the odd ports of a PC: ways to reset, the clock, ways to say how it ended
 * @stop: how they end the machine, constant
 * @cmos_index: register of the clock that is selected; a race between vCPUs is the guest's
 */
struct wr_legacy {
	struct wr_stop *stop;
	uint8_t cmos_index;
};

/**
 * wr_legacy_init() - connect them
 * @legacy: the devices
 * @ports: bus
 * @stop: for reset and crash
 * @debug_exit: also connect the port that ends the machine with a status of the guest's choice
 */
void wr_legacy_init(struct wr_legacy *legacy, struct wr_ports *ports, struct wr_stop *stop,
		    bool debug_exit);

#endif
