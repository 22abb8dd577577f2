// SPDX-License-Identifier: GPL-2.0-only
/* ACPI fixed hardware: power button and soft off. */
#include <stddef.h>
#include <string.h>

#include "layout.h"
#include "pm.h"

#define POWER_BUTTON 0x0100		/* in status and enable */
#define GLOBAL_LOCK 0x0020		/* likewise; nobody contends, but drivers enable it */
#define SCI_ENABLED 0x01		/* low byte of control: always in ACPI mode */
#define SLEEP_TYPE(high) (((high) >> 2) & 7)
#define SLEEP_ENABLE 0x20		/* high byte of control */
#define SLEEP_S5 5			/* as \_S5 in dsdt.asl says */

static void update_sci(struct wr_pm *pm)
{
	wr_vm_irq_line(pm->vm, WR_GSI_SCI, (pm->status & pm->enable) != 0);
}

static uint8_t event_in(void *device, uint16_t offset)
{
	struct wr_pm *pm = device;
	uint16_t value;

	pthread_mutex_lock(&pm->lock);
	value = offset < 2 ? pm->status : pm->enable;
	pthread_mutex_unlock(&pm->lock);
	return (uint8_t)(value >> (offset & 1) * 8);
}

static void event_out(void *device, uint16_t offset, uint8_t value)
{
	struct wr_pm *pm = device;
	unsigned int shift = (offset & 1) * 8;

	pthread_mutex_lock(&pm->lock);
	if (offset < 2)
		pm->status &= (uint16_t)~(value << shift);	/* a one clears */
	else
		pm->enable = (uint16_t)((pm->enable & ~(0xff << shift)) | value << shift);
	pm->enable &= POWER_BUTTON | GLOBAL_LOCK;
	update_sci(pm);
	pthread_mutex_unlock(&pm->lock);
}

static uint8_t control_in(void *device, uint16_t offset)
{
	(void)device;
	return offset ? 0 : SCI_ENABLED;
}

static void control_out(void *device, uint16_t offset, uint8_t value)
{
	struct wr_pm *pm = device;

	if (offset == 1 && (value & SLEEP_ENABLE) && SLEEP_TYPE(value) == SLEEP_S5)
		wr_stop_request(pm->stop, WR_STOP_POWEROFF, 0, NULL);
}

void wr_pm_init(struct wr_pm *pm, struct wr_ports *ports, const struct wr_vm *vm,
		struct wr_stop *stop)
{
	memset(pm, 0, sizeof(*pm));
	pthread_mutex_init(&pm->lock, NULL);
	pm->vm = vm;
	pm->stop = stop;
	wr_ports_add(ports, &(struct wr_port_range){ .base = WR_PORT_PM1_EVENT, .len = 4,
			      .in = event_in, .out = event_out, .device = pm });
	wr_ports_add(ports, &(struct wr_port_range){ .base = WR_PORT_PM1_CONTROL, .len = 2,
			      .in = control_in, .out = control_out, .device = pm });
}

void wr_pm_power_button(struct wr_pm *pm)
{
	pthread_mutex_lock(&pm->lock);
	pm->status |= POWER_BUTTON;
	update_sci(pm);
	pthread_mutex_unlock(&pm->lock);
}
