// SPDX-License-Identifier: GPL-2.0-only
/* What a crashed guest leaves for whoever debugs it. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>

#include "dump.h"
#include "util.h"

#define CODE_BEFORE 16
#define CODE_BYTES 48

#define CR0_PG 0x80000000ull
#define CR4_LA57 0x1000ull
#define EFER_LMA 0x400ull
#define PTE_PRESENT 0x1ull
#define PTE_LARGE 0x80ull
#define PTE_ADDRESS 0x000ffffffffff000ull

/* The launcher's own walk, so that a crash can be looked at on any device. */
static bool translate(const struct wr_memory *mem, const struct kvm_sregs *sregs, uint64_t linear,
		      uint64_t *gpa)
{
	int level = sregs->cr4 & CR4_LA57 ? 5 : 4;
	uint64_t table = sregs->cr3 & PTE_ADDRESS;

	*gpa = linear;
	if (!(sregs->cr0 & CR0_PG))
		return true;
	if (!(sregs->efer & EFER_LMA))
		return false;
	for (; level > 0; level--) {
		unsigned int shift = 12 + 9 * (level - 1);
		const uint64_t *pte = wr_memory_at(mem, table + (linear >> shift & 511) * 8, 8);
		uint64_t span = (1ull << shift) - 1;

		if (!pte || !(*pte & PTE_PRESENT))
			return false;
		table = *pte & PTE_ADDRESS;
		if (level == 1 || (level < 4 && (*pte & PTE_LARGE))) {
			*gpa = (table & ~span) | (linear & span);
			return true;
		}
	}
	return false;
}

static void print_regs(FILE *out, const struct kvm_regs *r)
{
	fprintf(out, "  rip %016llx  rflags %016llx\n", r->rip, r->rflags);
	fprintf(out, "  rax %016llx  rbx %016llx  rcx %016llx  rdx %016llx\n",
		r->rax, r->rbx, r->rcx, r->rdx);
	fprintf(out, "  rsi %016llx  rdi %016llx  rsp %016llx  rbp %016llx\n",
		r->rsi, r->rdi, r->rsp, r->rbp);
	fprintf(out, "  r8  %016llx  r9  %016llx  r10 %016llx  r11 %016llx\n",
		r->r8, r->r9, r->r10, r->r11);
	fprintf(out, "  r12 %016llx  r13 %016llx  r14 %016llx  r15 %016llx\n",
		r->r12, r->r13, r->r14, r->r15);
}

static void print_segment(FILE *out, const char *name, const struct kvm_segment *s)
{
	fprintf(out, "  %-4s %04x base %016llx limit %08x type %x dpl %u%s%s%s%s%s\n", name,
		s->selector, s->base, s->limit, s->type, s->dpl, s->present ? " present" : "",
		s->s ? "" : " system", s->l ? " 64" : "", s->db ? " 32" : "",
		s->unusable ? " unusable" : "");
}

static void print_sregs(FILE *out, const struct kvm_sregs *s)
{
	const struct {
		const char *name;
		const struct kvm_segment *segment;
	} segments[] = {
		{ "cs", &s->cs }, { "ds", &s->ds }, { "es", &s->es }, { "fs", &s->fs },
		{ "gs", &s->gs }, { "ss", &s->ss }, { "tr", &s->tr }, { "ldt", &s->ldt },
	};
	size_t i;

	fprintf(out, "  cr0 %016llx  cr2 %016llx  cr3 %016llx  cr4 %016llx\n",
		s->cr0, s->cr2, s->cr3, s->cr4);
	fprintf(out, "  cr8 %016llx  efer %016llx  apic base %016llx\n",
		s->cr8, s->efer, s->apic_base);
	for (i = 0; i < ARRAY_SIZE(segments); i++)
		print_segment(out, segments[i].name, segments[i].segment);
	fprintf(out, "  gdt  base %016llx limit %04x\n", s->gdt.base, s->gdt.limit);
	fprintf(out, "  idt  base %016llx limit %04x\n", s->idt.base, s->idt.limit);
}

static uint64_t code_start(const struct kvm_regs *regs, const struct kvm_sregs *sregs)
{
	uint64_t rip = regs->rip;

	if (!sregs->cs.l)
		rip = (uint32_t)(sregs->cs.base + rip);
	return rip;
}

static void print_code(FILE *out, const struct kvm_regs *regs, const struct kvm_sregs *sregs,
		       const struct wr_memory *mem)
{
	uint64_t rip = code_start(regs, sregs);
	uint64_t at = rip < CODE_BEFORE ? 0 : rip - CODE_BEFORE;
	unsigned int i;

	fputs("  code", out);
	for (i = 0; i < CODE_BYTES; i++, at++) {
		const uint8_t *byte = NULL;
		uint64_t gpa;

		if (translate(mem, sregs, at, &gpa))
			byte = wr_memory_at(mem, gpa, 1);
		if (!byte)
			fputs(" ??", out);
		else
			fprintf(out, at == rip ? " <%02x>" : " %02x", *byte);
	}
	fputc('\n', out);
}

static bool at_reset(const struct kvm_regs *regs, const struct kvm_sregs *sregs)
{
	return regs->rip == 0xfff0 && sregs->cs.selector == 0xf000;
}

static const char *mp_state_name(const struct wr_vcpu *vcpu)
{
	struct kvm_mp_state mp_state;

	if (ioctl(vcpu->fd, KVM_GET_MP_STATE, &mp_state))
		return "unknown";
	switch (mp_state.mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		return "running";
	case KVM_MP_STATE_HALTED:
		return "halted";
	case KVM_MP_STATE_UNINITIALIZED:
		return "not started by the guest";
	default:
		return "waiting to be started";
	}
}

void wr_dump_vcpu(FILE *out, const struct wr_vcpu *vcpu, const struct wr_memory *mem)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) || ioctl(vcpu->fd, KVM_GET_SREGS, &sregs)) {
		fprintf(out, "vCPU %u: registers cannot be read: %s\n", vcpu->index,
			strerror(errno));
		return;
	}
	fprintf(out, "vCPU %u (%s):\n", vcpu->index, mp_state_name(vcpu));
	print_regs(out, &regs);
	print_sregs(out, &sregs);
	print_code(out, &regs, &sregs, mem);
	if (at_reset(&regs, &sregs))
		fputs("  (state after reset; some hosts reset a vCPU at a triple fault)\n", out);
}
