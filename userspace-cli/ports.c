// SPDX-License-Identifier: GPL-2.0-only
/* The I/O port bus. */
#include <assert.h>

#include "ports.h"

void wr_ports_add(struct wr_ports *ports, const struct wr_port_range *range)
{
	assert(ports->count < WR_PORTS_MAX);
	ports->range[ports->count++] = *range;
}

static const struct wr_port_range *find(const struct wr_ports *ports, uint16_t port, size_t size)
{
	size_t i;

	for (i = 0; i < ports->count; i++)
		if (port >= ports->range[i].base &&
		    port - ports->range[i].base < ports->range[i].len)
			return ports->range[i].narrow && size > 1 ? NULL : &ports->range[i];
	return NULL;
}

void wr_ports_in(const struct wr_ports *ports, uint16_t port, uint8_t *data, size_t size)
{
	const struct wr_port_range *range;
	size_t i;

	for (i = 0; i < size; i++, port++) {
		range = find(ports, port, size);
		data[i] = 0xff;
		if (range && range->in)
			data[i] = range->in(range->device, port - range->base);
	}
}

void wr_ports_out(const struct wr_ports *ports, uint16_t port, const uint8_t *data, size_t size)
{
	const struct wr_port_range *range;
	size_t i;

	for (i = 0; i < size; i++, port++) {
		range = find(ports, port, size);
		if (range && range->out)
			range->out(range->device, port - range->base, data[i]);
	}
}
