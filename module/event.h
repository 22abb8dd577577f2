/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events on their way into a vCPU: exceptions, NMIs, interrupts. One state machine for both vendors.
 *
 * Each class is *pending* (must be delivered, may still be refused or merged), then *injected* (handed
 * to the hardware for the coming entry). An entry that completes clears injected; an exit that interrupted the
 * delivery leaves it set, so that the next entry delivers it again.
 */
#ifndef WARREN_EVENT_H
#define WARREN_EVENT_H

#include <linux/types.h>
#include <asm/trapnr.h>

struct wr_vcpu;
struct kvm_vcpu_events;

enum wr_event_class {
	WR_EVENT_NONE,
	WR_EVENT_EXCEPTION,
	WR_EVENT_NMI,
	WR_EVENT_INTERRUPT,
};

struct wr_exception {
	bool pending;		/* raised, not yet checked against others */
	bool injected;		/* must be (re)delivered */
	bool has_error;
	u8 vector;
	u32 error;
	bool has_payload;	/* CR2 or DR6 not yet written */
	u64 payload;
};

#define WR_INT_LEN	2	/* bytes of INT n without prefixes */

struct wr_event {
	struct wr_exception exception;
	struct {
		bool injected;
		bool soft;	/* INT n, RIP being at it */
		u8 len;		/* of that INT n, 0: WR_INT_LEN */
		u8 vector;
	} interrupt;
	struct {
		atomic_t queued;	/* arrived, from any context; at most two count */
		u8 pending;		/* taken from queued by the vCPU */
		bool injected;
		bool masked;		/* until IRET */
	} nmi;
	s16 extint;		/* vector from a userspace PIC (split irqchip), -1: none */
	bool armed;		/* the hardware holds an injection for the coming entry */
};

void wr_event_exception(struct wr_vcpu *vcpu, u8 vector);
void wr_event_exception_error(struct wr_vcpu *vcpu, u8 vector, u32 error);
void wr_event_page_fault(struct wr_vcpu *vcpu, u64 cr2, u32 error);
void wr_event_debug(struct wr_vcpu *vcpu, u64 dr6);
void wr_event_nmi(struct wr_vcpu *vcpu);
void wr_event_triple_fault(struct wr_vcpu *vcpu);
void wr_event_inject(struct wr_vcpu *vcpu);
void wr_event_disarm(struct wr_vcpu *vcpu);
void wr_event_redeliver(struct wr_vcpu *vcpu, enum wr_event_class class, u8 vector, bool has_error, u32 error);
bool wr_event_deliverable(struct wr_vcpu *vcpu);
bool wr_event_has_interrupt(struct wr_vcpu *vcpu);
bool wr_event_user_ready(struct wr_vcpu *vcpu);
int wr_event_user_interrupt(struct wr_vcpu *vcpu, u32 vector);
void wr_event_delivered(struct wr_vcpu *vcpu);
void wr_event_reset(struct wr_vcpu *vcpu);
void wr_event_get(struct wr_vcpu *vcpu, struct kvm_vcpu_events *out);
int wr_event_set(struct wr_vcpu *vcpu, const struct kvm_vcpu_events *in);

#endif
