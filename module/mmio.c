// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device accesses of the instruction under emulation; see struct wr_mmio for the plan.
 */
#include <linux/minmax.h>
#include <linux/string.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>

#include "backend.h"
#include "insn.h"
#include "trace.h"

#define APIC_MODE	(MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE)

/* KVM's guests find all ones in the page of a local APIC that has no registers there; it may be told to leave the page alone. */
static bool is_lapic(struct wr_vcpu *vcpu, u64 gpa)
{
	if (!wr_has_lapic(vcpu) || !wr_lapic_mmio(vcpu, gpa))
		return false;
	return (vcpu->apic_base & APIC_MODE) == MSR_IA32_APICBASE_ENABLE ||
		!wr_quirk_disabled(vcpu, KVM_X86_QUIRK_LAPIC_MMIO_HOLE);
}

/* A device in the kernel takes the access: 0; else -EOPNOTSUPP. None of them sleeps. */
static int device_read(struct wr_vcpu *vcpu, u64 gpa, u32 len, void *data)
{
	int err = -EOPNOTSUPP;

	if (is_lapic(vcpu, gpa))
		err = wr_lapic_mmio_read(vcpu, gpa, len, data);
	if (err)
		err = wr_bus_read(vcpu, WR_BUS_MMIO, gpa, len, data);
	return err;
}

static int device_write(struct wr_vcpu *vcpu, u64 gpa, u32 len, const void *data)
{
	int err = -EOPNOTSUPP;

	if (is_lapic(vcpu, gpa))
		err = wr_lapic_mmio_write(vcpu, gpa, len, data);
	if (err)
		err = wr_bus_write(vcpu, WR_BUS_MMIO, gpa, len, data);
	return err;
}

/* @data: 8 bytes, of which @len count; NULL for a read */
static void ask_userspace(struct wr_vcpu *vcpu, u64 gpa, u32 len, const void *data)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = gpa;
	run->mmio.len = len;
	run->mmio.is_write = data != NULL;
	if (data)
		memcpy(run->mmio.data, data, sizeof(run->mmio.data));
}

/* One read of at most 8 bytes: from the log when the instruction runs again, else from the device. */
static enum wr_emu_result read_one(struct wr_vcpu *vcpu, u64 gpa, void *data, u32 len)
{
	struct wr_mmio *mmio = &vcpu->mmio;
	u8 n = mmio->next_read;

	if (n < mmio->nr_reads && mmio->read[n].gpa == gpa && mmio->read[n].len == len) {
		memcpy(data, mmio->read[n].data, len);
		mmio->next_read++;
		return WR_EMU_DONE;
	}
	/* Not the instruction that asked before: what it read is nobody's. */
	mmio->nr_reads = n;
	if (n >= WR_MMIO_READS)
		return WR_EMU_UNKNOWN;
	mmio->read[n].gpa = gpa;
	mmio->read[n].len = len;
	if (device_read(vcpu, gpa, len, mmio->read[n].data)) {
		mmio->read_pending = true;
		ask_userspace(vcpu, gpa, len, NULL);
		return WR_EMU_EXIT;
	}
	trace_warren_mmio(vcpu, false, gpa, len, mmio->read[n].data);
	memcpy(data, mmio->read[n].data, len);
	mmio->nr_reads++;
	mmio->next_read++;
	return WR_EMU_DONE;
}

/**
 * wr_mmio_read - an instruction reads a device
 * @vcpu: its vCPU
 * @gpa: where; the access does not cross a page
 * @data: filled
 * @len: bytes; more than 8 are several accesses
 *
 * Return: WR_EMU_DONE; WR_EMU_EXIT when userspace is asked: run the instruction again after wr_mmio_read_done();
 * WR_EMU_UNKNOWN when one instruction reads more than any does.
 */
enum wr_emu_result wr_mmio_read(struct wr_vcpu *vcpu, u64 gpa, void *data, u32 len)
{
	enum wr_emu_result result;
	u32 chunk;

	vcpu->stats.mmio_exits++;
	for (; len; gpa += chunk, data += chunk, len -= chunk) {
		chunk = min(len, 8u);
		result = read_one(vcpu, gpa, data, chunk);
		if (result != WR_EMU_DONE)
			return result;
	}
	return WR_EMU_DONE;
}

/**
 * wr_mmio_write - an instruction writes a device
 * @vcpu: its vCPU
 * @gpa: where; the access does not cross a page
 * @data: value
 * @len: bytes; more than 8 are several accesses
 *
 * Only queued: the caller commits the instruction, then calls wr_mmio_send_writes().
 */
enum wr_emu_result wr_mmio_write(struct wr_vcpu *vcpu, u64 gpa, const void *data, u32 len)
{
	struct wr_mmio *mmio = &vcpu->mmio;
	u32 chunk;

	vcpu->stats.mmio_exits++;
	for (; len; gpa += chunk, data += chunk, len -= chunk) {
		if (mmio->nr_writes >= WR_MMIO_WRITES)
			return WR_EMU_UNKNOWN;
		chunk = min(len, 8u);
		mmio->write[mmio->nr_writes].gpa = gpa;
		mmio->write[mmio->nr_writes].len = chunk;
		memcpy(mmio->write[mmio->nr_writes].data, data, chunk);
		mmio->nr_writes++;
	}
	return WR_EMU_DONE;
}

/**
 * wr_mmio_send_writes - send what a committed instruction wrote
 * @vcpu: its vCPU
 *
 * Return: true when userspace must take one: vcpu->run is filled; call again in the next KVM_RUN for the rest.
 */
bool wr_mmio_send_writes(struct wr_vcpu *vcpu)
{
	struct wr_mmio *mmio = &vcpu->mmio;

	while (mmio->next_write < mmio->nr_writes) {
		u8 n = mmio->next_write++;
		u64 gpa = mmio->write[n].gpa;
		u32 len = mmio->write[n].len;

		trace_warren_mmio(vcpu, true, gpa, len, mmio->write[n].data);
		if (device_write(vcpu, gpa, len, mmio->write[n].data)) {
			ask_userspace(vcpu, gpa, len, mmio->write[n].data);
			return true;
		}
	}
	mmio->next_write = 0;
	mmio->nr_writes = 0;
	return false;
}

/**
 * wr_mmio_send - send what is all that a committed instruction wrote
 * @vcpu: its vCPU
 * @gpa: where; the access does not cross a page
 * @data: value, of 8 bytes
 * @len: 1 to 8 of them
 *
 * Return: true when userspace must take it: vcpu->run is filled.
 */
bool wr_mmio_send(struct wr_vcpu *vcpu, u64 gpa, const void *data, u32 len)
{
	vcpu->stats.mmio_exits++;
	trace_warren_mmio(vcpu, true, gpa, len, data);
	if (likely(!device_write(vcpu, gpa, len, data)))
		return false;
	ask_userspace(vcpu, gpa, len, data);
	/* The last one of a queue: until the next KVM_RUN the instruction is not over. */
	vcpu->mmio.nr_writes = 1;
	vcpu->mmio.next_write = 1;
	return true;
}

/**
 * wr_mmio_read_done - userspace has filled run->mmio.data
 * @vcpu: its vCPU, at the start of KVM_RUN
 */
void wr_mmio_read_done(struct wr_vcpu *vcpu)
{
	struct wr_mmio *mmio = &vcpu->mmio;

	mmio->read_pending = false;
	memcpy(mmio->read[mmio->nr_reads].data, vcpu->run->mmio.data,
	       sizeof(mmio->read[0].data));
	trace_warren_mmio(vcpu, false, mmio->read[mmio->nr_reads].gpa, mmio->read[mmio->nr_reads].len,
			  mmio->read[mmio->nr_reads].data);
	mmio->nr_reads++;
}

/**
 * wr_mmio_forget_reads - the instruction is over
 * @vcpu: its vCPU
 */
void wr_mmio_forget_reads(struct wr_vcpu *vcpu)
{
	vcpu->mmio.nr_reads = 0;
	vcpu->mmio.next_read = 0;
	vcpu->mmio.gpa_known = false;
}
