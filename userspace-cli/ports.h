/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_PORTS_H
#define WARREN_CLI_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct wr_port_range - ports that one device serves
 * @base: first port
 * @len: number of ports
 * @in: reads port base + offset; NULL: reads as all ones
 * @out: writes port base + offset; NULL: writes are ignored
 * @device: first argument of both
 * @narrow: only single-byte accesses reach it: the PCI address port 0xcf8 is four bytes wide
 *          and shares its second byte with the reset register
 *
 * Both are called from any vCPU thread at any time, with no lock held. Wider accesses come as
 * one call per byte, lowest port first, which is how the bus of a PC treats 8-bit devices.
 */
struct wr_port_range {
	uint16_t base;
	uint16_t len;
	uint8_t (*in)(void *device, uint16_t offset);
	void (*out)(void *device, uint16_t offset, uint8_t value);
	void *device;
	bool narrow;
};

#define WR_PORTS_MAX 16

/* Filled before the first vCPU runs, only read afterwards: no lock. */
struct wr_ports {
	struct wr_port_range range[WR_PORTS_MAX];
	size_t count;
};

/**
 * wr_ports_add() - connect a device
 * @ports: the bus
 * @range: copied; must overlap no other
 */
void wr_ports_add(struct wr_ports *ports, const struct wr_port_range *range);

/**
 * wr_ports_in() - a guest reads @size bytes from @port on
 * @ports: the bus
 * @port: first port
 * @data: filled in, all ones where nobody answers
 * @size: 1, 2 or 4
 */
void wr_ports_in(const struct wr_ports *ports, uint16_t port, uint8_t *data, size_t size);

/**
 * wr_ports_out() - a guest writes @size bytes from @port on
 * @ports: the bus
 * @port: first port
 * @data: the bytes
 * @size: 1, 2 or 4
 */
void wr_ports_out(const struct wr_ports *ports, uint16_t port, const uint8_t *data, size_t size);

#endif
