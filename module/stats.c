// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binary statistics: see stats.h.
 *
 * The file is a header, the name of what is counted, a description of each counter, then their values, one u64 each. All but the
 * values is made when the file is; they are read as they are at that moment. A counter has KVM's name where it means the same.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/tsc.h>

#include "backend.h"
#include "stats.h"
#include "vm.h"
#include "warren.h"

#define NAME_SIZE	48

/*
 * struct counter - one counter
 *
 * @flags, @exponent: KVM_STATS_*: its type and unit.
 * @offset: in struct wr_stats, where @get is NULL.
 */
struct counter {
	char name[NAME_SIZE];
	u32 flags;
	s16 exponent;
	u16 offset;
	u64 (*get)(struct wr_vm *vm, struct wr_vcpu *vcpu);
};

#define COUNT		(KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_NONE)
#define BYTES_NOW	(KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_BYTES | KVM_STATS_BASE_POW2)
#define NS		KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_SECONDS, .exponent = -9

#define FIELD(title, field)	{ .name = (title), .flags = COUNT, .offset = offsetof(struct wr_stats, field) }
#define EXITS(title, reason)	FIELD(title, exits[WARREN_EXIT_##reason])
#define COMPUTED(title, function, unit)	{ .name = (title), .get = (function), .flags = unit }

static u64 exits(struct wr_vm *vm, struct wr_vcpu *vcpu)
{
	return wr_stats_exits(&vcpu->stats);
}

static u64 guest_ns(struct wr_vm *vm, struct wr_vcpu *vcpu)
{
	return wr_vcpu_guest_ns(vcpu);
}

static u64 halt_wait_ns(struct wr_vm *vm, struct wr_vcpu *vcpu)
{
	return wr_cycles_to_ns(READ_ONCE(vcpu->stats.halt_tsc), tsc_khz);
}

static u64 is_blocking(struct wr_vm *vm, struct wr_vcpu *vcpu)
{
	u8 activity = READ_ONCE(vcpu->activity);

	return activity == WARREN_VCPU_HALTED || activity == WARREN_VCPU_WAITING;
}

static u64 remote_flushes(struct wr_vm *vm, struct wr_vcpu *vcpu)
{
	return READ_ONCE(vm->mmu.flushes);
}

static u64 table_bytes(struct wr_vm *vm, struct wr_vcpu *vcpu)
{
	return (u64)atomic_long_read(&vm->mmu.tables) * PAGE_SIZE;
}

static u64 memory_bytes(struct wr_vm *vm, struct wr_vcpu *vcpu)
{
	return wr_slots_size(vm);
}

static const struct counter vm_stats[] = {
	COMPUTED("remote_tlb_flush", remote_flushes, COUNT),
	COMPUTED("memory_bytes", memory_bytes, BYTES_NOW),
	COMPUTED("table_bytes", table_bytes, BYTES_NOW),
};

/* First what KVM has, too */
static const struct counter vcpu_stats[] = {
	COMPUTED("exits", exits, COUNT),
	EXITS("io_exits", IO),
	FIELD("mmio_exits", mmio_exits),
	FIELD("signal_exits", signal_exits),
	EXITS("halt_exits", HLT),
	EXITS("irq_exits", INTERRUPT),
	EXITS("hypercalls", HYPERCALL),
	FIELD("irq_injections", irqs_injected),
	FIELD("nmi_injections", nmis_injected),
	FIELD("pf_fixed", faults),
	FIELD("pf_fast", fast_faults),
	FIELD("tlb_flush", tlb_flushes),
	FIELD("insn_emulation", insns_emulated),
	FIELD("halt_attempted_poll", halt_polls_tried),
	FIELD("halt_successful_poll", halt_polls),
	FIELD("halt_wakeup", halt_wakeups),
	COMPUTED("halt_wait_ns", halt_wait_ns, NS),
	COMPUTED("blocking", is_blocking, KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_BOOLEAN),
	COMPUTED("guest_ns", guest_ns, NS),
	FIELD("user_exits", userspace_exits),
	EXITS("other_exits", OTHER),
	EXITS("nmi_exits", NMI),
	EXITS("window_exits", WINDOW),
	EXITS("timer_exits", TIMER),
	EXITS("fault_exits", FAULT),
	EXITS("msr_read_exits", MSR_READ),
	EXITS("msr_write_exits", MSR_WRITE),
	EXITS("cpuid_exits", CPUID),
	EXITS("pause_exits", PAUSE),
	EXITS("exception_exits", EXCEPTION),
	EXITS("cr_exits", CR),
	EXITS("dr_exits", DR),
	EXITS("apic_exits", APIC),
	EXITS("xsetbv_exits", XSETBV),
	EXITS("cache_exits", CACHE),
	EXITS("iret_exits", IRET),
	EXITS("soft_interrupt_exits", SOFT_INTERRUPT),
	EXITS("virtualization_exits", VIRTUALIZATION),
	EXITS("dirty_log_exits", DIRTY_LOG),
	EXITS("task_switch_exits", TASK_SWITCH),
	EXITS("triple_fault_exits", TRIPLE_FAULT),
	EXITS("entry_failed_exits", ENTRY_FAILED),
};

/* struct descriptor - struct kvm_stats_desc, whose name ends it, with a name of our length */
struct descriptor {
	u32 flags;
	s16 exponent;
	u16 size;
	u32 offset;
	u32 bucket_size;
	char name[NAME_SIZE];
};

/*
 * struct stats_file - private data of a file
 *
 * @vm: held.
 * @vcpu: NULL: the VM's counters.
 * @head_size: bytes before the values.
 * @name: of what is counted.
 */
struct stats_file {
	struct wr_vm *vm;
	struct wr_vcpu *vcpu;
	const struct counter *stats;
	u32 nr;
	size_t head_size;
	struct {
		struct kvm_stats_header header;
		char name[NAME_SIZE];
		struct descriptor desc[];
	} head;
};

static u64 value_of(const struct stats_file *sf, const struct counter *counter)
{
	if (counter->get)
		return counter->get(sf->vm, sf->vcpu);
	return READ_ONCE(*(u64 *)((void *)&sf->vcpu->stats + counter->offset));
}

/* Part of the values, from byte @at on. */
static ssize_t read_values(const struct stats_file *sf, char __user *user, size_t size, loff_t at)
{
	u64 values[ARRAY_SIZE(vcpu_stats)];
	u32 i;

	BUILD_BUG_ON(ARRAY_SIZE(vm_stats) > ARRAY_SIZE(values));
	for (i = 0; i < sf->nr; i++)
		values[i] = value_of(sf, &sf->stats[i]);
	return simple_read_from_buffer(user, size, &at, values, sf->nr * sizeof(values[0]));
}

static ssize_t stats_read(struct file *file, char __user *user, size_t size, loff_t *pos)
{
	const struct stats_file *sf = file->private_data;
	ssize_t done, more;

	done = simple_read_from_buffer(user, size, pos, &sf->head, sf->head_size);
	if (done < 0 || done == size)
		return done;
	more = read_values(sf, user + done, size - done, *pos - sf->head_size);
	if (more < 0)
		return done ?: more;
	*pos += more;
	return done + more;
}

static int stats_release(struct inode *inode, struct file *file)
{
	struct stats_file *sf = file->private_data;

	wr_vm_put(sf->vm);
	kvfree(sf);
	return 0;
}

static const struct file_operations stats_fops = {
	.owner = THIS_MODULE,
	.read = stats_read,
	.release = stats_release,
	.llseek = noop_llseek,
};

static void describe(struct stats_file *sf)
{
	struct kvm_stats_header *header = &sf->head.header;
	u32 i;

	header->name_size = NAME_SIZE;
	header->num_desc = sf->nr;
	header->id_offset = sizeof(*header);
	header->desc_offset = header->id_offset + NAME_SIZE;
	header->data_offset = sf->head_size;
	for (i = 0; i < sf->nr; i++) {
		struct descriptor *d = &sf->head.desc[i];

		d->flags = sf->stats[i].flags;
		d->exponent = sf->stats[i].exponent;
		d->size = 1;
		d->offset = i * sizeof(u64);
		memcpy(d->name, sf->stats[i].name, NAME_SIZE);
	}
}

static struct stats_file *stats_alloc(struct wr_vm *vm, struct wr_vcpu *vcpu)
{
	u32 nr = vcpu ? ARRAY_SIZE(vcpu_stats) : ARRAY_SIZE(vm_stats);
	struct stats_file *sf = kvzalloc(struct_size(sf, head.desc, nr), GFP_KERNEL_ACCOUNT);

	BUILD_BUG_ON(offsetof(struct descriptor, offset) != offsetof(struct kvm_stats_desc, offset));
	BUILD_BUG_ON(offsetof(struct descriptor, name) != offsetof(struct kvm_stats_desc, name));
	if (!sf)
		return NULL;
	sf->vm = vm;
	sf->vcpu = vcpu;
	sf->stats = vcpu ? vcpu_stats : vm_stats;
	sf->nr = nr;
	sf->head_size = struct_size(&sf->head, desc, nr);
	describe(sf);
	if (vcpu)
		snprintf(sf->head.name, NAME_SIZE, "kvm-%d/vcpu-%u", task_pid_nr(current), vcpu->id);
	else
		snprintf(sf->head.name, NAME_SIZE, "kvm-%d", task_pid_nr(current));
	return sf;
}

/**
 * wr_stats_open - KVM_GET_STATS_FD
 * @vm: the VM, held by the caller
 * @vcpu: of that VM, NULL for the VM itself
 *
 * The file holds the VM, and with it its vCPUs: it can be read when theirs are closed.
 *
 * Return: a file descriptor; -ENOMEM, -EMFILE. Context: may sleep.
 */
int wr_stats_open(struct wr_vm *vm, struct wr_vcpu *vcpu)
{
	struct stats_file *sf = stats_alloc(vm, vcpu);
	struct file *file;
	int fd;

	if (!sf)
		return -ENOMEM;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		goto err_free;
	file = anon_inode_getfile("warren-stats", &stats_fops, sf, O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		fd = PTR_ERR(file);
		goto err_free;
	}
	/* At any offset, as KVM's */
	file->f_mode |= FMODE_PREAD;
	wr_vm_get(vm);
	fd_install(fd, file);
	return fd;

err_free:
	kvfree(sf);
	return fd;
}
