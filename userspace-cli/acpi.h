/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_ACPI_H
#define WARREN_CLI_ACPI_H

#include <stdint.h>

#include "memory.h"

/**
 * wr_acpi_put() - write the ACPI tables into guest memory, from WR_LAYOUT_ACPI on
 * @mem: the RAM
 * @cpus: number of vCPUs; their APIC ids are 0 to @cpus - 1
 *
 * Return: guest-physical address of the RSDP.
 */
uint64_t wr_acpi_put(const struct wr_memory *mem, unsigned int cpus);

#endif
