/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_PM_H
#define WARREN_CLI_PM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "ports.h"
#include "stop.h"
#include "vm.h"

/**
 * struct wr_pm - the ACPI fixed hardware: PM1a event and control blocks
 * @lock: protects @status, @enable and the level of the SCI
 * @status: what happened
 * @enable: what of it interrupts
 * @vm: where the SCI goes, constant
 * @stop: how it ends the machine, constant
 */
struct wr_pm {
	pthread_mutex_t lock;
	uint16_t status;
	uint16_t enable;
	const struct wr_vm *vm;
	struct wr_stop *stop;
};

/**
 * wr_pm_init() - connect the blocks
 * @pm: the hardware
 * @ports: bus
 * @vm: for the interrupt
 * @stop: for power-off
 */
void wr_pm_init(struct wr_pm *pm, struct wr_ports *ports, const struct wr_vm *vm,
		struct wr_stop *stop);

/**
 * wr_pm_power_button() - press the power button; any thread
 * @pm: the hardware
 */
void wr_pm_power_button(struct wr_pm *pm);

#endif
