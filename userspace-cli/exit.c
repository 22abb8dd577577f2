// SPDX-License-Identifier: GPL-2.0-only
/* Exits to userspace, by table. */
#include <linux/kvm.h>
#include <string.h>

#include "exit.h"
#include "refusal.h"
#include "util.h"

static void exit_io(struct wr_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	__u32 i;

	/* A string instruction comes as one exit with several items for the one port. */
	for (i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction == KVM_EXIT_IO_OUT)
			wr_ports_out(vcpu->ports, run->io.port, data, run->io.size);
		else
			wr_ports_in(vcpu->ports, run->io.port, data, run->io.size);
	}
}

static void exit_mmio(struct wr_vcpu *vcpu)
{
	/* No device of the launcher is there: as on a bus where nobody answers. */
	if (!vcpu->run->mmio.is_write)
		memset(vcpu->run->mmio.data, 0xff, sizeof(vcpu->run->mmio.data));
}

static void exit_nothing(struct wr_vcpu *vcpu)
{
	(void)vcpu;
}

static void exit_shutdown(struct wr_vcpu *vcpu)
{
	wr_stop_request(vcpu->stop, WR_STOP_CRASH, 0, "vCPU %u: triple fault", vcpu->index);
}

static void exit_fail_entry(struct wr_vcpu *vcpu)
{
	char why[160];

	wr_refusal_describe(vcpu->run->fail_entry.hardware_entry_failure_reason, why, sizeof(why));
	wr_stop_request(vcpu->stop, WR_STOP_CRASH, 0, "vCPU %u: the CPU refused the guest's state: %s", vcpu->index, why);
}

static void exit_internal_error(struct wr_vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	unsigned int n = run->internal.ndata;

	wr_stop_request(vcpu->stop, WR_STOP_CRASH, 0,
			"vCPU %u: internal error of the hypervisor (suberror %u%s, data %#llx %#llx)",
			vcpu->index, run->internal.suberror,
			run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION ?
			": an instruction it cannot emulate" : "",
			n > 0 ? (unsigned long long)run->internal.data[0] : 0ull,
			n > 1 ? (unsigned long long)run->internal.data[1] : 0ull);
}

static void exit_system_event(struct wr_vcpu *vcpu)
{
	switch (vcpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		wr_stop_request(vcpu->stop, WR_STOP_POWEROFF, 0, NULL);
		break;
	case KVM_SYSTEM_EVENT_RESET:
		wr_stop_request(vcpu->stop, WR_STOP_RESET, 0, NULL);
		break;
	default:
		wr_stop_request(vcpu->stop, WR_STOP_CRASH, 0, "vCPU %u: system event %u",
				vcpu->index, vcpu->run->system_event.type);
	}
}

static void (*const handlers[])(struct wr_vcpu *vcpu) = {
	[KVM_EXIT_IO] = exit_io,
	[KVM_EXIT_MMIO] = exit_mmio,
	[KVM_EXIT_INTR] = exit_nothing,
	[KVM_EXIT_IRQ_WINDOW_OPEN] = exit_nothing,
	[KVM_EXIT_SHUTDOWN] = exit_shutdown,
	[KVM_EXIT_FAIL_ENTRY] = exit_fail_entry,
	[KVM_EXIT_INTERNAL_ERROR] = exit_internal_error,
	[KVM_EXIT_SYSTEM_EVENT] = exit_system_event,
};

void wr_exit_handle(struct wr_vcpu *vcpu)
{
	__u32 reason = vcpu->run->exit_reason;

	if (reason < ARRAY_SIZE(handlers) && handlers[reason])
		handlers[reason](vcpu);
	else
		wr_stop_request(vcpu->stop, WR_STOP_CRASH, 0,
				"vCPU %u: exit reason %u, which warren run does not know",
				vcpu->index, reason);
}
