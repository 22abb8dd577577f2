// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs: their file, their ioctls, their life.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "backend.h"
#include "caps.h"
#include "dev.h"
#include "host.h"
#include "life.h"
#include "msr_user.h"
#include "registry.h"
#include "stats.h"
#include "vcpu.h"
#include "vm.h"

/* What KVM_SET_NR_MMU_PAGES must leave at the least */
#define MIN_MMU_PAGES	64

/**
 * wr_vm_get - one more file, or vCPU, that needs the VM
 * @vm: held already
 */
void wr_vm_get(struct wr_vm *vm)
{
	refcount_inc(&vm->users);
}

static void destroy_vcpus(struct wr_vm *vm)
{
	struct wr_vcpu *vcpu;
	unsigned long i;

	wr_for_each_vcpu(i, vcpu, vm)
		wr_vcpu_destroy(vcpu);
	xa_destroy(&vm->vcpus);
	wr_lapic_ids_free(vm);
}

/*
 * Chips before vCPUs: a timer may still send an interrupt. Memory before vCPUs: the creator may live on, and a notifier
 * asks the vCPUs to flush. Buses after chips: they are on them.
 */
static void vm_destroy(struct wr_vm *vm)
{
	wr_vm_destroyed(vm);
	wr_irq_exit(vm);
	wr_mmu_exit(vm);
	destroy_vcpus(vm);
	wr_bus_exit(vm);
	wr_coalesced_exit(vm);
	wr_policy_exit(vm);
	cleanup_srcu_struct(&vm->srcu);
	wr_identity_exit(vm);
	mmdrop(vm->mm);
	kfree(vm);
	wr_host_put();
	module_put(THIS_MODULE);
}

/**
 * wr_vm_put - undo wr_vm_get(); the last one ends the VM
 * @vm: the VM
 *
 * Context: may sleep.
 */
void wr_vm_put(struct wr_vm *vm)
{
	if (refcount_dec_and_test(&vm->users))
		vm_destroy(vm);
}

static long create_vcpu(void *object, void *arg, unsigned long user)
{
	if (user >= WR_MAX_VCPU_IDS)
		return -EINVAL;
	return wr_vcpu_create(object, user);
}

static long check_extension(void *object, void *arg, unsigned long user)
{
	return wr_check_extension(object, user);
}

static long set_memory_region(void *object, void *arg, unsigned long user)
{
	return wr_slots_set(object, arg);
}

static long get_dirty_log(void *object, void *arg, unsigned long user)
{
	return wr_dirty_get(object, arg);
}

/* The number has the direction of a read too, but nothing comes out. */
static long clear_dirty_log(void *object, void *arg, unsigned long user)
{
	struct kvm_clear_dirty_log clear;

	if (copy_from_user(&clear, (void __user *)user, sizeof(clear)))
		return -EFAULT;
	return wr_dirty_clear(object, &clear);
}

static long reset_dirty_rings(void *object, void *arg, unsigned long user)
{
	return wr_dirty_rings_reset(object);
}

static bool aligned_page_below_4g(u64 address)
{
	return !offset_in_page(address) && address < BIT_ULL(32);
}

/* Only VT-x without unrestricted guests has a use for it. Taken everywhere, so that a VMM need not know. */
static long set_tss_addr(void *object, void *arg, unsigned long user)
{
	if (user > (unsigned int)(-WR_TSS_PAGES * PAGE_SIZE))
		return -EINVAL;
	if (!wr_backend->caps->needs_tss)
		return 0;
	return user && PAGE_ALIGNED(user) ? wr_private_tss(object, user) : -EINVAL;
}

static long set_identity_map_addr(void *object, void *arg, unsigned long user)
{
	struct wr_vm *vm = object;
	u64 address = *(u64 *)arg;

	if (vm->created_vcpus || vm->mmu.has_identity_map || !aligned_page_below_4g(address))
		return -EINVAL;
	vm->mmu.identity_map = address ?: WR_IDENTITY_MAP;
	return 0;
}

/* A bound of what only shadow paging has: as small as KVM takes it, or larger, it is kept. */
static long set_nr_mmu_pages(void *object, void *arg, unsigned long user)
{
	if ((u32)user < MIN_MMU_PAGES)
		return -EINVAL;
	wr_shadow_set_limit(object, (u32)user);
	return 0;
}

static long set_boot_cpu_id(void *object, void *arg, unsigned long user)
{
	struct wr_vm *vm = object;

	if (vm->created_vcpus)
		return -EBUSY;
	vm->bsp_id = user;
	return 0;
}

static long create_irqchip(void *object, void *arg, unsigned long user)
{
	return wr_irqchip_create(object);
}

static long get_irqchip(void *object, void *arg, unsigned long user)
{
	return wr_irqchip_get(object, arg);
}

/* The number has the direction of a read, but the struct goes in. */
static long set_irqchip(void *object, void *arg, unsigned long user)
{
	struct kvm_irqchip *chip = memdup_user((void __user *)user, sizeof(*chip));
	long r;

	if (IS_ERR(chip))
		return PTR_ERR(chip);
	r = wr_irqchip_set(object, chip);
	kfree(chip);
	return r;
}

static long create_pit(void *object, void *arg, unsigned long user)
{
	static const struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };

	return wr_pit_create(object, &config);
}

static long create_pit2(void *object, void *arg, unsigned long user)
{
	return wr_pit_create(object, arg);
}

/* The older form has the channels alone. */
static long get_pit(void *object, void *arg, unsigned long user)
{
	struct kvm_pit_state *old = arg;
	struct kvm_pit_state2 state;
	int err = wr_pit_get(object, &state);

	if (err)
		return err;
	memcpy(old->channels, state.channels, sizeof(old->channels));
	return 0;
}

/* As of KVM_SET_IRQCHIP, the number has the wrong direction. */
static long set_pit(void *object, void *arg, unsigned long user)
{
	struct kvm_pit_state2 state = {};

	static_assert(sizeof(state.channels) == sizeof(struct kvm_pit_state));
	if (copy_from_user(state.channels, (void __user *)user, sizeof(state.channels)))
		return -EFAULT;
	return wr_pit_set(object, &state, false);
}

static long get_pit2(void *object, void *arg, unsigned long user)
{
	return wr_pit_get(object, arg);
}

static long set_pit2(void *object, void *arg, unsigned long user)
{
	return wr_pit_set(object, arg, true);
}

static long reinject_control(void *object, void *arg, unsigned long user)
{
	return wr_pit_reinject(object, arg);
}

static long irq_line(void *object, void *arg, unsigned long user)
{
	const struct kvm_irq_level *level = arg;
	int r = wr_irq_set(object, level->irq, level->level, WR_IRQ_SOURCE_USER);

	/* That the line is masked is only told by KVM_IRQ_LINE_STATUS. */
	return r == -ENXIO ? r : 0;
}

static long irq_line_status(void *object, void *arg, unsigned long user)
{
	struct kvm_irq_level *level = arg;
	int r = wr_irq_set(object, level->irq, level->level, WR_IRQ_SOURCE_USER);

	if (r == -ENXIO)
		return r;
	level->status = r;
	return 0;
}

static long signal_msi(void *object, void *arg, unsigned long user)
{
	return wr_irq_msi(object, arg);
}

static long irqfd(void *object, void *arg, unsigned long user)
{
	return wr_irqfd(object, arg);
}

static long ioeventfd(void *object, void *arg, unsigned long user)
{
	return wr_ioeventfd(object, arg);
}

static long register_coalesced(void *object, void *arg, unsigned long user)
{
	return wr_coalesced_register(object, arg);
}

static long unregister_coalesced(void *object, void *arg, unsigned long user)
{
	return wr_coalesced_unregister(object, arg);
}

static long set_gsi_routing(void *object, void *arg, unsigned long user)
{
	struct kvm_irq_routing __user *in = (void __user *)user;
	struct kvm_irq_routing_entry *entries = NULL;
	struct kvm_irq_routing head;
	long r;

	if (copy_from_user(&head, in, sizeof(head)))
		return -EFAULT;
	if (head.flags || head.nr > WR_MAX_GSI)
		return -EINVAL;
	if (head.nr) {
		entries = vmemdup_user(in->entries, array_size(head.nr, sizeof(*entries)));
		if (IS_ERR(entries))
			return PTR_ERR(entries);
	}
	r = wr_irq_set_routes(object, entries, head.nr);
	kvfree(entries);
	return r;
}

static long set_msr_filter(void *object, void *arg, unsigned long user)
{
	return wr_msr_set_filter(object, arg);
}

static long get_tsc_khz(void *object, void *arg, unsigned long user)
{
	return ((struct wr_vm *)object)->tsc_khz;
}

static long set_tsc_khz(void *object, void *arg, unsigned long user)
{
	if (user > U32_MAX)
		return -EINVAL;
	return wr_tsc_set_vm_khz(object, user);
}

static long get_clock(void *object, void *arg, unsigned long user)
{
	return wr_clock_get(object, arg);
}

static long set_clock(void *object, void *arg, unsigned long user)
{
	return wr_clock_set(object, arg);
}

static long enable_cap(void *object, void *arg, unsigned long user)
{
	return wr_vm_enable_cap(object, arg);
}

static long get_stats_fd(void *object, void *arg, unsigned long user)
{
	return wr_stats_open(object, NULL);
}

static long get_vm_info(void *object, void *arg, unsigned long user)
{
	struct warren_vm_info *info = arg;
	struct wr_vm *vm = object;

	info->id = vm->identity.id;
	wr_vm_get_uuid(vm, info->uuid);
	return 0;
}

static long report(void *object, void *arg, unsigned long user)
{
	return wr_vm_report(object, arg);
}

/* Calls whose handlers take vm->lock themselves, or need none, have no lock here. */
static const struct wr_ioctl vm_ioctls[] = {
	WR_IOCTL(KVM_CREATE_VCPU, create_vcpu, 0),
	WR_IOCTL(KVM_CHECK_EXTENSION, check_extension, 0),
	WR_IOCTL(KVM_SET_USER_MEMORY_REGION, set_memory_region, 0),
	WR_IOCTL(KVM_GET_DIRTY_LOG, get_dirty_log, 0),
	WR_IOCTL_RAW(KVM_CLEAR_DIRTY_LOG, clear_dirty_log, 0),
	WR_IOCTL(KVM_RESET_DIRTY_RINGS, reset_dirty_rings, 0),
	WR_IOCTL(KVM_SET_TSS_ADDR, set_tss_addr, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_IDENTITY_MAP_ADDR, set_identity_map_addr, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_NR_MMU_PAGES, set_nr_mmu_pages, 0),
	WR_IOCTL(KVM_SET_BOOT_CPU_ID, set_boot_cpu_id, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_CREATE_IRQCHIP, create_irqchip, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_IRQCHIP, get_irqchip, WR_IOCTL_LOCK),
	WR_IOCTL_RAW(KVM_SET_IRQCHIP, set_irqchip, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_CREATE_PIT, create_pit, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_CREATE_PIT2, create_pit2, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_PIT, get_pit, WR_IOCTL_LOCK),
	WR_IOCTL_RAW(KVM_SET_PIT, set_pit, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_PIT2, get_pit2, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_PIT2, set_pit2, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_REINJECT_CONTROL, reinject_control, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_IRQ_LINE, irq_line, 0),
	WR_IOCTL(KVM_IRQ_LINE_STATUS, irq_line_status, 0),
	WR_IOCTL(KVM_SIGNAL_MSI, signal_msi, 0),
	WR_IOCTL(KVM_IRQFD, irqfd, 0),
	WR_IOCTL(KVM_IOEVENTFD, ioeventfd, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_REGISTER_COALESCED_MMIO, register_coalesced, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_UNREGISTER_COALESCED_MMIO, unregister_coalesced, WR_IOCTL_LOCK),
	WR_IOCTL_RAW(KVM_SET_GSI_ROUTING, set_gsi_routing, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_X86_SET_MSR_FILTER, set_msr_filter, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_TSC_KHZ, get_tsc_khz, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_TSC_KHZ, set_tsc_khz, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_CLOCK, get_clock, 0),
	WR_IOCTL(KVM_SET_CLOCK, set_clock, 0),
	WR_IOCTL(KVM_ENABLE_CAP, enable_cap, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_STATS_FD, get_stats_fd, 0),
	WR_IOCTL(WARREN_GET_VM_INFO, get_vm_info, 0),
	WR_IOCTL(WARREN_REPORT, report, 0),
};

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	struct wr_vm *vm = file->private_data;

	/* The slots are in the creator's memory. */
	if (vm->mm != current->mm)
		return -EIO;
	return wr_ioctl_dispatch(vm_ioctls, ARRAY_SIZE(vm_ioctls), vm, &vm->lock, cmd, user);
}

static int vm_release(struct inode *inode, struct file *file)
{
	struct wr_vm *vm = file->private_data;

	/* vCPU files may live on; nobody can make interrupts for them any more. */
	wr_irqfd_exit(vm);
	wr_vm_put(vm);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.release = vm_release,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static void init_fields(struct wr_vm *vm)
{
	refcount_set(&vm->users, 1);
	mutex_init(&vm->lock);
	mutex_init(&vm->slots_lock);
	xa_init_flags(&vm->vcpus, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&vm->ioeventfds);
	INIT_LIST_HEAD(&vm->coalesced_zones);
	vm->halt_poll_ns = -1;
	mmgrab(current->mm);
	vm->mm = current->mm;
	wr_identity_init(vm);
	wr_life_init(vm);
}

/* A VM with nothing in it; all that can fail is done before it is visible. */
static struct wr_vm *vm_alloc(void)
{
	struct wr_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	int err;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	init_fields(vm);
	err = init_srcu_struct(&vm->srcu);
	if (err)
		goto err_free;
	err = wr_bus_init(vm);
	if (err)
		goto err_cleanup_srcu;
	err = wr_irq_init(vm);
	if (err)
		goto err_exit_bus;
	err = wr_clock_init(vm);
	if (err)
		goto err_exit_irq;
	err = wr_mmu_init(vm);
	if (err)
		goto err_exit_irq;
	return vm;

err_exit_irq:
	wr_irq_exit(vm);
err_exit_bus:
	wr_bus_exit(vm);
err_cleanup_srcu:
	cleanup_srcu_struct(&vm->srcu);
err_free:
	wr_identity_exit(vm);
	mmdrop(vm->mm);
	kfree(vm);
	return ERR_PTR(err);
}

/* With a file of its own; the VM is the file's in any case. */
static int vm_publish(struct wr_vm *vm)
{
	struct file *file;
	int fd, err;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		wr_vm_put(vm);
		return fd;
	}
	file = anon_inode_getfile("warren-vm", &vm_fops, vm, O_RDWR);
	if (IS_ERR(file)) {
		wr_vm_put(vm);
		err = PTR_ERR(file);
		goto err_put_fd;
	}
	/* Last, since others are told. */
	err = wr_vm_created(vm);
	if (err)
		goto err_put_file;
	fd_install(fd, file);
	return fd;

err_put_file:
	fput(file);
err_put_fd:
	put_unused_fd(fd);
	return err;
}

/**
 * wr_vm_create - KVM_CREATE_VM
 * @type: 0
 *
 * Return: a file descriptor; -EINVAL for another type; -EIO as wr_host_get(); -EBUSY when all numbers are in use; -ENOMEM, -EMFILE.
 * Context: may sleep.
 */
int wr_vm_create(unsigned long type)
{
	struct wr_vm *vm;
	int err;

	if (type)
		return -EINVAL;
	err = wr_host_get();
	if (err)
		return err;
	vm = vm_alloc();
	if (IS_ERR(vm)) {
		wr_host_put();
		return PTR_ERR(vm);
	}
	__module_get(THIS_MODULE);
	return vm_publish(vm);
}
