// SPDX-License-Identifier: GPL-2.0-only
/* The machine: its parts put together, the main loop, and what is said at the end. */
#include <errno.h>
#include <linux/warren.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "acpi.h"
#include "boot.h"
#include "console.h"
#include "control.h"
#include "dump.h"
#include "layout.h"
#include "legacy.h"
#include "loop.h"
#include "machine.h"
#include "netlink.h"
#include "pm.h"
#include "serial.h"
#include "util.h"
#include "vcpu.h"
#include "vm.h"

struct machine {
	const struct wr_machine_config *config;
	struct wr_memory mem;
	struct wr_vm vm;
	struct wr_vcpu *vcpus;
	unsigned int vcpu_count;	/* created so far */
	struct wr_ports ports;
	struct wr_stop stop;
	struct wr_serial serial;
	struct wr_pm pm;
	struct wr_legacy legacy;
	uint32_t id;			/* 0: the hypervisor gives none */
	struct wr_transcript transcript;
	struct wr_control control;
};

static bool line_put(void *arg, uint8_t byte)
{
	struct machine *m = arg;

	wr_transcript_put(&m->transcript, byte);
	return wr_console_put(byte);
}

static void line_irq(void *arg, bool level)
{
	struct machine *m = arg;

	wr_vm_irq_line(&m->vm, WR_GSI_COM1, level);
}

static void line_rx_room(void *arg)
{
	struct machine *m = arg;

	wr_wake(m->stop.wake_fd);
}

static void console_room(void *arg)
{
	struct machine *m = arg;

	wr_serial_room(&m->serial);
}

static void add_devices(struct machine *m)
{
	const struct wr_serial_line line = { line_put, line_irq, line_rx_room, m };

	wr_serial_init(&m->serial, &line, &m->ports, WR_PORT_COM1);
	wr_pm_init(&m->pm, &m->ports, &m->vm, &m->stop);
	wr_legacy_init(&m->legacy, &m->ports, &m->stop, m->config->debug_exit);
}

static int check_cpus(struct machine *m)
{
	unsigned int max = wr_vm_max_cpus(&m->vm);

	if (m->config->cpus <= max)
		return 0;
	return wr_error("--cpus %u: %s allows at most %u", m->config->cpus, m->config->device, max);
}

static int load(struct machine *m, struct wr_boot_entry *entry)
{
	struct wr_boot boot = {
		.kernel = m->config->kernel,
		.initrd = m->config->initrd,
		.cmdline = m->config->cmdline,
		.mem = &m->mem,
	};

	if (wr_memory_alloc(&m->mem, m->config->memory))
		return -1;
	boot.rsdp = wr_acpi_put(&m->mem, m->config->cpus);
	if (wr_boot_load(&boot))
		return -1;
	*entry = boot.entry;
	return 0;
}

static int create_vcpus(struct machine *m, const struct wr_boot_entry *entry)
{
	unsigned int count = m->config->cpus;

	m->vcpus = calloc(count, sizeof(*m->vcpus));
	if (!m->vcpus)
		return wr_error("out of memory");
	while (m->vcpu_count < count) {
		struct wr_vcpu *vcpu = &m->vcpus[m->vcpu_count];

		if (wr_vcpu_create(vcpu, &m->vm, m->vcpu_count++, count))
			return -1;
		vcpu->ports = &m->ports;
		vcpu->stop = &m->stop;
	}
	/* The others wait for the guest to start them. */
	return wr_vcpu_set_entry(&m->vcpus[0], entry);
}

static void power_button(void *arg)
{
	struct machine *m = arg;

	wr_pm_power_button(&m->pm);
}

static int set_name(struct machine *m)
{
	struct wr_netlink link;
	int status;

	m->id = wr_vm_id(&m->vm);
	if (!m->id || !m->config->name)
		return 0;
	status = wr_netlink_open(&link);
	if (status)
		return -1;
	status = wr_netlink_set_name(&link, m->id, m->config->name);
	wr_netlink_close(&link);
	return status ? -1 : 0;
}

static int open_control(struct machine *m)
{
	m->control.stop = &m->stop;
	m->control.transcript = &m->transcript;
	m->control.power_button = power_button;
	m->control.arg = m;
	if (!wr_control_open(&m->control, m->id, m->config->name))
		return 0;
	if (m->config->name || m->config->ready) {
		wr_hint("name a directory that you can write to: WARREN_RUNTIME_DIR=DIRECTORY");
		return -1;
	}
	wr_hint("the guest goes on, but `warren console` and `warren stop` cannot reach it");
	return 0;
}

static int build(struct machine *m)
{
	struct wr_boot_entry entry;

	if (wr_vm_open(&m->vm, m->config->device) || check_cpus(m))
		return -1;
	if (load(m, &entry))
		return -1;
	if (wr_vm_create(&m->vm, &m->mem) || set_name(m) || open_control(m))
		return -1;
	add_devices(m);
	return create_vcpus(m, &entry);
}

static void stop_vcpus(struct machine *m)
{
	unsigned int i;

	for (i = 0; i < m->vcpu_count; i++)
		wr_vcpu_kick(&m->vcpus[i]);
	/* One may wait for room in the output. */
	wr_console_close();
	for (i = 0; i < m->vcpu_count; i++)
		wr_vcpu_join(&m->vcpus[i]);
}

static int start_vcpus(struct machine *m)
{
	unsigned int i;

	for (i = 0; i < m->vcpu_count; i++)
		if (wr_vcpu_start(&m->vcpus[i])) {
			wr_stop_request(&m->stop, WR_STOP_SIGNAL, 0, NULL);
			return -1;
		}
	return 0;
}

static void pump_input(void *arg)
{
	struct machine *m = arg;
	uint8_t buf[WR_SERIAL_FIFO];
	size_t len = wr_console_take(buf, wr_serial_rx_room(&m->serial));

	if (len)
		wr_serial_receive(&m->serial, buf, len);
}

static size_t control_poll(void *arg, struct pollfd *fds)
{
	struct machine *m = arg;

	wr_control_poll(&m->control, fds);
	return WR_CONTROL_FDS;
}

static bool control_serve(void *arg, const struct pollfd *fds)
{
	struct machine *m = arg;

	wr_control_serve(&m->control, fds);
	return m->control.forced;
}

static void report_crash(struct machine *m)
{
	unsigned int i;

	wr_error("the guest crashed: %s", m->stop.detail);
	for (i = 0; i < m->vcpu_count; i++)
		wr_dump_vcpu(stderr, &m->vcpus[i], &m->mem);
}

/* What the kernel cannot see itself. */
static void tell_listeners(struct machine *m)
{
	switch (m->stop.reason) {
	case WR_STOP_POWEROFF:
		wr_vm_report(&m->vm, WARREN_REPORT_SHUTDOWN);
		break;
	case WR_STOP_RESET:
		wr_vm_report(&m->vm, WARREN_REPORT_RESET);
		break;
	case WR_STOP_CRASH:
		if (m->stop.value)
			wr_vm_report(&m->vm, WARREN_REPORT_PANIC);
		break;
	default:
		break;
	}
}

/* The vCPU threads have ended: nobody else writes to the stop request any more. */
static int report(struct machine *m)
{
	switch (m->stop.reason) {
	case WR_STOP_POWEROFF:
		return WR_STATUS_OK;
	case WR_STOP_RESET:
		return WR_STATUS_REBOOT;
	case WR_STOP_CRASH:
		report_crash(m);
		return WR_STATUS_CRASH;
	case WR_STOP_DEBUG_EXIT:
		return m->stop.value;
	case WR_STOP_ESCAPE:
		return WR_STATUS_ESCAPE;
	case WR_STOP_TIMEOUT:
		wr_error("the guest did not end within %u s (--timeout)", m->config->timeout);
		return WR_STATUS_TIMEOUT;
	default:
		return WR_STATUS_ERROR;
	}
}

static void say_ready(struct machine *m)
{
	char id[32];

	if (m->id)
		snprintf(id, sizeof(id), "%u", m->id);
	else
		snprintf(id, sizeof(id), "pid-%d", (int)getpid());
	if (m->config->ready)
		m->config->ready(id);
}

static int run(struct machine *m)
{
	const struct wr_loop loop = {
		.stop = &m->stop,
		.timeout = m->config->timeout,
		.pump_input = pump_input,
		.power_button = power_button,
		.poll = control_poll,
		.serve = control_serve,
		.arg = m,
	};
	int ret = WR_STATUS_ERROR;

	if (wr_loop_start(&loop))
		return ret;
	if (wr_console_start(m->stop.wake_fd, console_room, m))
		return ret;
	if (!start_vcpus(m)) {
		say_ready(m);
		wr_loop_run(&loop);
	}
	stop_vcpus(m);
	tell_listeners(m);
	wr_loop_drain(&loop);
	wr_console_restore();
	return report(m);
}

static void take_apart(struct machine *m)
{
	while (m->vcpu_count)
		wr_vcpu_destroy(&m->vcpus[--m->vcpu_count]);
	free(m->vcpus);
	wr_vm_close(&m->vm);
	wr_memory_free(&m->mem);
}

static void die_of(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	raise(signal);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

int wr_machine_run(const struct wr_machine_config *config)
{
	/* Static: the console's writer thread outlives this call and may still point here. */
	static struct machine machine;
	struct machine *m = &machine;
	int status = WR_STATUS_ERROR;

	m->config = config;
	m->vm.fd = -1;
	m->vm.sys_fd = -1;
	m->control.dir = -1;
	m->control.fd = -1;
	pthread_mutex_init(&m->stop.lock, NULL);
	m->stop.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->stop.wake_fd < 0) {
		wr_error("eventfd: %s", strerror(errno));
		return status;
	}
	wr_transcript_init(&m->transcript, m->stop.wake_fd);
	if (!build(m))
		status = run(m);
	take_apart(m);
	/* Not earlier: who is told may start another one of this name at once. */
	wr_control_close(&m->control, m->stop.reason == WR_STOP_SIGNAL ? 128 + m->stop.value : status);
	if (m->stop.reason == WR_STOP_SIGNAL && m->stop.value)
		die_of(m->stop.value);
	return status;
}
