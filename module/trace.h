/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: what perf, bpftrace and trace-cmd see of guests, under events/warren. docs/tracing.md tells what each is.
 *
 * Names of fields are an interface: add, do not rename.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM warren

#if !defined(WARREN_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define WARREN_TRACE_H

#include <linux/tracepoint.h>
#include <linux/warren.h>
#include <asm/tsc.h>

#include "backend.h"

/* The words that the launcher uses, too */
#define wr_exit_names(name)							\
	name(OTHER, "other") name(INTERRUPT, "interrupt") name(NMI, "nmi")	\
	name(WINDOW, "window") name(TIMER, "timer") name(FAULT, "fault")	\
	name(IO, "io") name(MSR_READ, "msr-read") name(MSR_WRITE, "msr-write")	\
	name(CPUID, "cpuid") name(HLT, "hlt") name(PAUSE, "pause")		\
	name(HYPERCALL, "hypercall") name(EXCEPTION, "exception")		\
	name(CR, "cr") name(DR, "dr") name(APIC, "apic")			\
	name(XSETBV, "xsetbv") name(CACHE, "cache") name(IRET, "iret")		\
	name(SOFT_INTERRUPT, "soft-interrupt")					\
	name(VIRTUALIZATION, "virtualization") name(DIRTY_LOG, "dirty-log")	\
	name(TASK_SWITCH, "task-switch") name(TRIPLE_FAULT, "triple-fault")	\
	name(ENTRY_FAILED, "entry-failed")

#define wr_define_exit(reason, word)	TRACE_DEFINE_ENUM(WARREN_EXIT_##reason);
wr_exit_names(wr_define_exit)

#undef wr_name_exit
#define wr_name_exit(reason, word)	{ WARREN_EXIT_##reason, word },

/* Each event says which vCPU: the VM's number, and the index in it. */
#define WR_WHO_FIELDS	__field(u32, vm) __field(u32, vcpu)
#define WR_WHO_ASSIGN	(__entry->vm = vcpu->vm->identity.id, __entry->vcpu = vcpu->index)
#define WR_WHO		"vm %u vcpu %u "
#define WR_WHO_ARGS	__entry->vm, __entry->vcpu

TRACE_EVENT(warren_entry,
	TP_PROTO(struct wr_vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		WR_WHO_FIELDS
		__field(u64, rip)
	),
	TP_fast_assign(
		WR_WHO_ASSIGN;
		__entry->rip = vcpu->rip;
	),
	TP_printk(WR_WHO "rip 0x%llx", WR_WHO_ARGS, __entry->rip)
);

TRACE_EVENT(warren_exit,
	TP_PROTO(struct wr_vcpu *vcpu, u64 reason),
	TP_ARGS(vcpu, reason),
	TP_STRUCT__entry(
		WR_WHO_FIELDS
		__field(u32, reason)
		__field(u32, code)
		__field(u64, rip)
		__field(u64, qualification)
		__field(u64, gpa)
	),
	TP_fast_assign(
		struct wr_exit_words words;

		wr_backend->exit_words(vcpu, &words);
		WR_WHO_ASSIGN;
		__entry->reason = reason;
		__entry->code = words.code;
		__entry->rip = vcpu->rip;
		__entry->qualification = words.qualification;
		__entry->gpa = words.gpa;
	),
	TP_printk(WR_WHO "reason %s rip 0x%llx code 0x%x qualification 0x%llx gpa 0x%llx", WR_WHO_ARGS,
		  __print_symbolic(__entry->reason, wr_exit_names(wr_name_exit) { -1, NULL }),
		  __entry->rip, __entry->code, __entry->qualification, __entry->gpa)
);

/* KVM_RUN returns: what userspace is told */
TRACE_EVENT(warren_user_exit,
	TP_PROTO(struct wr_vcpu *vcpu, u32 reason, int error),
	TP_ARGS(vcpu, reason, error),
	TP_STRUCT__entry(
		WR_WHO_FIELDS
		__field(u32, reason)
		__field(int, error)
	),
	TP_fast_assign(
		WR_WHO_ASSIGN;
		__entry->reason = reason;
		__entry->error = error;
	),
	TP_printk(WR_WHO "reason %u error %d", WR_WHO_ARGS, __entry->reason, __entry->error)
);

/* A stage-2 fault is done with: @result is an enum wr_fault */
TRACE_EVENT(warren_page_fault,
	TP_PROTO(struct wr_vcpu *vcpu, u64 gpa, u32 access, u32 result),
	TP_ARGS(vcpu, gpa, access, result),
	TP_STRUCT__entry(
		WR_WHO_FIELDS
		__field(u64, gpa)
		__field(u32, access)
		__field(u32, result)
	),
	TP_fast_assign(
		WR_WHO_ASSIGN;
		__entry->gpa = gpa;
		__entry->access = access;
		__entry->result = result;
	),
	TP_printk(WR_WHO "gpa 0x%llx %s%s %s", WR_WHO_ARGS, __entry->gpa,
		  __entry->access & WR_ACC_WRITE ? "write" : "read", __entry->access & WR_ACC_FETCH ? " fetch" : "",
		  __print_symbolic(__entry->result, { WR_FAULT_FIXED, "fixed" }, { WR_FAULT_MMIO, "device" },
				   { WR_FAULT_SLEEP, "sleep" }, { WR_FAULT_SIGNAL, "signal" }, { WR_FAULT_BAD, "bad" }, { WR_FAULT_POISON, "poison" },
				   { WR_FAULT_NOMEM, "no memory" }))
);

/* An access to a port, once its value is known */
TRACE_EVENT(warren_pio,
	TP_PROTO(struct wr_vcpu *vcpu, bool in, u16 port, u32 size, u32 value),
	TP_ARGS(vcpu, in, port, size, value),
	TP_STRUCT__entry(
		WR_WHO_FIELDS
		__field(bool, in)
		__field(u16, port)
		__field(u32, size)
		__field(u32, value)
	),
	TP_fast_assign(
		WR_WHO_ASSIGN;
		__entry->in = in;
		__entry->port = port;
		__entry->size = size;
		__entry->value = size < 4 ? value & (BIT(8 * size) - 1) : value;
	),
	TP_printk(WR_WHO "%s port 0x%x size %u value 0x%x", WR_WHO_ARGS, __entry->in ? "in" : "out", __entry->port,
		  __entry->size, __entry->value)
);

/* An access to a device in memory, once its value is known; @data: @size bytes, at most 8 */
TRACE_EVENT(warren_mmio,
	TP_PROTO(struct wr_vcpu *vcpu, bool write, u64 gpa, u32 size, const void *data),
	TP_ARGS(vcpu, write, gpa, size, data),
	TP_STRUCT__entry(
		WR_WHO_FIELDS
		__field(bool, write)
		__field(u32, size)
		__field(u64, gpa)
		__field(u64, value)
	),
	TP_fast_assign(
		WR_WHO_ASSIGN;
		__entry->write = write;
		__entry->size = size;
		__entry->gpa = gpa;
		__entry->value = 0;
		memcpy(&__entry->value, data, min_t(u32, size, sizeof(__entry->value)));
	),
	TP_printk(WR_WHO "%s gpa 0x%llx size %u value 0x%llx", WR_WHO_ARGS, __entry->write ? "write" : "read", __entry->gpa,
		  __entry->size, __entry->value)
);

/* RDMSR, WRMSR that exited; @failed: #GP */
TRACE_EVENT(warren_msr,
	TP_PROTO(struct wr_vcpu *vcpu, bool write, u32 index, u64 value, bool failed),
	TP_ARGS(vcpu, write, index, value, failed),
	TP_STRUCT__entry(
		WR_WHO_FIELDS
		__field(bool, write)
		__field(bool, failed)
		__field(u32, index)
		__field(u64, value)
	),
	TP_fast_assign(
		WR_WHO_ASSIGN;
		__entry->write = write;
		__entry->failed = failed;
		__entry->index = index;
		__entry->value = value;
	),
	TP_printk(WR_WHO "%s 0x%x value 0x%llx%s", WR_WHO_ARGS, __entry->write ? "write" : "read", __entry->index,
		  __entry->value, __entry->failed ? " #GP" : "")
);

TRACE_EVENT(warren_hypercall,
	TP_PROTO(struct wr_vcpu *vcpu, u64 number, long result),
	TP_ARGS(vcpu, number, result),
	TP_STRUCT__entry(
		WR_WHO_FIELDS
		__field(u64, number)
		__field(long, result)
	),
	TP_fast_assign(
		WR_WHO_ASSIGN;
		__entry->number = number;
		__entry->result = result;
	),
	TP_printk(WR_WHO "number %llu result %ld", WR_WHO_ARGS, __entry->number, __entry->result)
);

/* An event goes in with the next entry, by the hypervisor. What hardware delivers itself is not seen. */
DECLARE_EVENT_CLASS(warren_inject,
	TP_PROTO(struct wr_vcpu *vcpu, u8 vector),
	TP_ARGS(vcpu, vector),
	TP_STRUCT__entry(
		WR_WHO_FIELDS
		__field(u8, vector)
	),
	TP_fast_assign(
		WR_WHO_ASSIGN;
		__entry->vector = vector;
	),
	TP_printk(WR_WHO "vector 0x%x", WR_WHO_ARGS, __entry->vector)
);

DEFINE_EVENT(warren_inject, warren_inj_interrupt, TP_PROTO(struct wr_vcpu *vcpu, u8 vector), TP_ARGS(vcpu, vector));
DEFINE_EVENT(warren_inject, warren_inj_nmi, TP_PROTO(struct wr_vcpu *vcpu, u8 vector), TP_ARGS(vcpu, vector));
DEFINE_EVENT(warren_inject, warren_inj_exception, TP_PROTO(struct wr_vcpu *vcpu, u8 vector), TP_ARGS(vcpu, vector));

/* The end of a wait in HLT, or for INIT or SIPI; @cycles: of sleep, 0: it polled with success */
TRACE_EVENT(warren_halt,
	TP_PROTO(struct wr_vcpu *vcpu, u64 cycles),
	TP_ARGS(vcpu, cycles),
	TP_STRUCT__entry(
		WR_WHO_FIELDS
		__field(u64, ns)
	),
	TP_fast_assign(
		WR_WHO_ASSIGN;
		__entry->ns = wr_cycles_to_ns(cycles, tsc_khz);
	),
	TP_printk(WR_WHO "slept %llu ns", WR_WHO_ARGS, __entry->ns)
);

/* trace.c */
void wr_trace_entry(struct wr_vcpu *vcpu);
void wr_trace_exit(struct wr_vcpu *vcpu, u64 reason);
void wr_trace_io(struct wr_vcpu *vcpu);
void wr_trace_msr(struct wr_vcpu *vcpu, bool write, bool failed);

#endif

/* The headers that make tracepoints read this one again: by this name, in this directory. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
