// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs: their file, their ioctls, their life.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "attr.h"
#include "backend.h"
#include "caps.h"
#include "debug.h"
#include "dev.h"
#include "fpu.h"
#include "life.h"
#include "msr.h"
#include "perf.h"
#include "ring.h"
#include "state.h"
#include "stats.h"
#include "vcpu.h"
#include "vm.h"

#define MAX_MSRS	256	/* of one KVM_GET_MSRS or KVM_SET_MSRS */

/**
 * wr_vcpu_reset - state after power-up, or after INIT
 * @vcpu: on its own thread, or not yet visible
 * @init: INIT
 */
void wr_vcpu_reset(struct wr_vcpu *vcpu, bool init)
{
	vcpu->pio.ready = false;
	wr_event_reset(vcpu);
	wr_state_reset(vcpu, init);
	wr_fpu_reset(vcpu, init);
	wr_msr_reset(vcpu, init);
	wr_pv_reset(vcpu, init);
	if (wr_has_lapic(vcpu))
		wr_lapic_reset(vcpu, init);
	wr_backend->vcpu_reset(vcpu, init);
	wr_cpuid_update(vcpu);
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
}

/**
 * wr_vcpu_sipi - start-up IPI: the vCPU runs, in real mode
 * @vcpu: on its own thread, after INIT
 * @vector: page number of the first instruction
 */
void wr_vcpu_sipi(struct wr_vcpu *vcpu, u8 vector)
{
	struct kvm_segment cs;

	wr_backend->get_segment(vcpu, WR_CS, &cs);
	cs.selector = vector << 8;
	cs.base = vector << 12;
	wr_backend->set_segment(vcpu, WR_CS, &cs);
	vcpu->rip = 0;
	WRITE_ONCE(vcpu->mp_state, KVM_MP_STATE_RUNNABLE);
}

static long get_regs(void *object, void *arg, unsigned long user)
{
	return wr_get_regs(object, arg);
}

static long set_regs(void *object, void *arg, unsigned long user)
{
	return wr_set_regs(object, arg);
}

static long get_sregs(void *object, void *arg, unsigned long user)
{
	return wr_get_sregs(object, arg);
}

static long set_sregs(void *object, void *arg, unsigned long user)
{
	return wr_set_sregs(object, arg);
}

static long get_sregs2(void *object, void *arg, unsigned long user)
{
	return wr_get_sregs2(object, arg);
}

static long set_sregs2(void *object, void *arg, unsigned long user)
{
	return wr_set_sregs2(object, arg);
}

static long translate(void *object, void *arg, unsigned long user)
{
	return wr_translate(object, arg);
}

static long interrupt(void *object, void *arg, unsigned long user)
{
	return wr_event_user_interrupt(object, ((struct kvm_interrupt *)arg)->irq);
}

static long nmi(void *object, void *arg, unsigned long user)
{
	wr_event_nmi(object);
	return 0;
}

static long get_msrs(void *object, void *arg, unsigned long user)
{
	return wr_msrs_transfer((struct kvm_msrs __user *)user, object, WR_MSRS_GET);
}

static long set_msrs(void *object, void *arg, unsigned long user)
{
	return wr_msrs_transfer((struct kvm_msrs __user *)user, object, WR_MSRS_SET);
}

static long set_cpuid(void *object, void *arg, unsigned long user)
{
	struct kvm_cpuid __user *in = (void __user *)user;
	struct kvm_cpuid head;

	if (copy_from_user(&head, in, sizeof(head)))
		return -EFAULT;
	return wr_cpuid_set_old(object, &head, in->entries);
}

static long set_cpuid2(void *object, void *arg, unsigned long user)
{
	struct kvm_cpuid2 __user *in = (void __user *)user;
	struct kvm_cpuid2 head;

	if (copy_from_user(&head, in, sizeof(head)))
		return -EFAULT;
	return wr_cpuid_set(object, &head, in->entries);
}

static long get_cpuid2(void *object, void *arg, unsigned long user)
{
	struct kvm_cpuid2 __user *out = (void __user *)user;
	struct kvm_cpuid2 head;
	int err;

	if (copy_from_user(&head, out, sizeof(head)))
		return -EFAULT;
	err = wr_cpuid_get(object, &head, out->entries);
	if (err)
		return err;
	return copy_to_user(out, &head, sizeof(head)) ? -EFAULT : 0;
}

static long get_fpu(void *object, void *arg, unsigned long user)
{
	wr_fpu_get_legacy(object, arg);
	return 0;
}

static long set_fpu(void *object, void *arg, unsigned long user)
{
	wr_fpu_set_legacy(object, arg);
	return 0;
}

static long get_xsave(void *object, void *arg, unsigned long user)
{
	wr_fpu_get_xsave(object, arg, sizeof(struct kvm_xsave));
	return 0;
}

/* As large as KVM_CAP_XSAVE2 says, which may be more than struct kvm_xsave. */
static long get_xsave2(void *object, void *arg, unsigned long user)
{
	u32 size = wr_fpu_size();
	void *copy = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	long r = 0;

	if (!copy)
		return -ENOMEM;
	wr_fpu_get_xsave(object, copy, size);
	if (copy_to_user((void __user *)user, copy, size))
		r = -EFAULT;
	kvfree(copy);
	return r;
}

static long set_xsave(void *object, void *arg, unsigned long user)
{
	u32 size = wr_fpu_size();
	void *copy = memdup_user((void __user *)user, size);
	long r;

	if (IS_ERR(copy))
		return PTR_ERR(copy);
	r = wr_fpu_set_xsave(object, copy, size);
	kfree(copy);
	return r;
}

static long get_xcrs(void *object, void *arg, unsigned long user)
{
	return wr_get_xcrs(object, arg);
}

static long set_xcrs(void *object, void *arg, unsigned long user)
{
	return wr_set_xcrs(object, arg);
}

static long get_debugregs(void *object, void *arg, unsigned long user)
{
	return wr_get_debugregs(object, arg);
}

static long set_debugregs(void *object, void *arg, unsigned long user)
{
	return wr_set_debugregs(object, arg);
}

static long set_guest_debug(void *object, void *arg, unsigned long user)
{
	return wr_debug_set(object, arg);
}

static long get_events(void *object, void *arg, unsigned long user)
{
	wr_event_get(object, arg);
	return 0;
}

static long set_events(void *object, void *arg, unsigned long user)
{
	return wr_event_set(object, arg);
}

static long setup_mce(void *object, void *arg, unsigned long user)
{
	return wr_mce_setup(object, *(u64 *)arg);
}

static long set_mce(void *object, void *arg, unsigned long user)
{
	return wr_mce_inject(object, arg);
}

static long get_mp_state(void *object, void *arg, unsigned long user)
{
	struct wr_vcpu *vcpu = object;
	struct kvm_mp_state *state = arg;

	if (wr_has_lapic(vcpu))
		wr_lapic_take_events(vcpu);
	state->mp_state = vcpu->mp_state;
	/* Woken already, though it has not run: that must not be lost where this is restored. */
	if (vcpu->mp_state == KVM_MP_STATE_HALTED && READ_ONCE(vcpu->pv.unhalted))
		state->mp_state = KVM_MP_STATE_RUNNABLE;
	return 0;
}

static long set_mp_state(void *object, void *arg, unsigned long user)
{
	const struct kvm_mp_state *state = arg;
	struct wr_vcpu *vcpu = object;

	/* Without a local APIC here, only userspace knows whether a vCPU waits. */
	if (!wr_has_lapic(vcpu) && state->mp_state != KVM_MP_STATE_RUNNABLE)
		return -EINVAL;
	switch (state->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_HALTED:
		WRITE_ONCE(vcpu->mp_state, state->mp_state);
		break;
	case KVM_MP_STATE_SIPI_RECEIVED:
		WRITE_ONCE(vcpu->mp_state, KVM_MP_STATE_INIT_RECEIVED);
		wr_lapic_post_sipi(vcpu);
		break;
	default:
		return -EINVAL;
	}
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
	return 0;
}

static long get_lapic(void *object, void *arg, unsigned long user)
{
	if (!wr_has_lapic(object))
		return -EINVAL;
	wr_pv_eoi_sync(object);
	wr_lapic_get(object, arg);
	return 0;
}

static long set_lapic(void *object, void *arg, unsigned long user)
{
	if (!wr_has_lapic(object))
		return -EINVAL;
	wr_pv_eoi_sync(object);
	return wr_lapic_set(object, arg);
}

static long set_vapic(void *object, void *arg, unsigned long user)
{
	const struct kvm_vapic_addr *vapic = arg;

	if (!wr_has_lapic(object))
		return -EINVAL;
	return wr_lapic_set_vapic(object, vapic->vapic_addr);
}

static long get_tsc_khz(void *object, void *arg, unsigned long user)
{
	return ((struct wr_vcpu *)object)->clock.tsc_khz;
}

static long set_tsc_khz(void *object, void *arg, unsigned long user)
{
	if (user > U32_MAX)
		return -EINVAL;
	return wr_tsc_set_khz(object, user);
}

static long has_attr(void *object, void *arg, unsigned long user)
{
	return wr_attr(object, arg, WR_ATTR_HAS);
}

static long get_attr(void *object, void *arg, unsigned long user)
{
	return wr_attr(object, arg, WR_ATTR_GET);
}

static long set_attr(void *object, void *arg, unsigned long user)
{
	return wr_attr(object, arg, WR_ATTR_SET);
}

static long clock_ctrl(void *object, void *arg, unsigned long user)
{
	return wr_clock_ctrl(object);
}

static long set_signal_mask(void *object, void *arg, unsigned long user)
{
	struct kvm_signal_mask __user *in = (void __user *)user;
	struct wr_vcpu *vcpu = object;
	struct kvm_signal_mask head;
	sigset_t set;

	if (!in) {
		vcpu->sigset_active = false;
		return 0;
	}
	if (copy_from_user(&head, in, sizeof(head)))
		return -EFAULT;
	if (head.len != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, in->sigset, sizeof(set)))
		return -EFAULT;
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigset = set;
	vcpu->sigset_active = true;
	return 0;
}

/* Without the lock, which a vCPU that runs has. */
static long trace_open(void *object, void *arg, unsigned long user)
{
	const struct warren_trace_open *open = arg;

	if (open->vm || open->vcpu)
		return -EINVAL;
	return wr_ring_open(object, open);
}

static long run(struct wr_vcpu *vcpu, unsigned long user)
{
	long r;

	if (user)
		return -EINVAL;
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	r = wr_vcpu_run(vcpu);
	mutex_unlock(&vcpu->mutex);
	return r;
}

static long enable_cap(void *object, void *arg, unsigned long user)
{
	return wr_vcpu_enable_cap(object, arg);
}

/* Without the lock, which a vCPU that runs has. */
static long get_stats_fd(void *object, void *arg, unsigned long user)
{
	return wr_stats_open(((struct wr_vcpu *)object)->vm, object);
}

static const struct wr_ioctl vcpu_ioctls[] = {
	WR_IOCTL(KVM_GET_REGS, get_regs, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_REGS, set_regs, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_SREGS, get_sregs, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_SREGS, set_sregs, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_SREGS2, get_sregs2, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_SREGS2, set_sregs2, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_TRANSLATE, translate, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_INTERRUPT, interrupt, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_NMI, nmi, WR_IOCTL_LOCK),
	WR_IOCTL_RAW(KVM_GET_MSRS, get_msrs, WR_IOCTL_LOCK),
	WR_IOCTL_RAW(KVM_SET_MSRS, set_msrs, WR_IOCTL_LOCK),
	WR_IOCTL_RAW(KVM_SET_CPUID, set_cpuid, WR_IOCTL_LOCK),
	WR_IOCTL_RAW(KVM_SET_CPUID2, set_cpuid2, WR_IOCTL_LOCK),
	WR_IOCTL_RAW(KVM_GET_CPUID2, get_cpuid2, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_FPU, get_fpu, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_FPU, set_fpu, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_XSAVE, get_xsave, WR_IOCTL_LOCK),
	WR_IOCTL_RAW(KVM_GET_XSAVE2, get_xsave2, WR_IOCTL_LOCK),
	WR_IOCTL_RAW(KVM_SET_XSAVE, set_xsave, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_XCRS, get_xcrs, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_XCRS, set_xcrs, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_DEBUGREGS, get_debugregs, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_DEBUGREGS, set_debugregs, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_GUEST_DEBUG, set_guest_debug, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_VCPU_EVENTS, get_events, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_VCPU_EVENTS, set_events, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_X86_SETUP_MCE, setup_mce, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_X86_SET_MCE, set_mce, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_MP_STATE, get_mp_state, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_MP_STATE, set_mp_state, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_LAPIC, get_lapic, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_LAPIC, set_lapic, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_VAPIC_ADDR, set_vapic, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_TSC_KHZ, get_tsc_khz, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_TSC_KHZ, set_tsc_khz, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_HAS_DEVICE_ATTR, has_attr, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_DEVICE_ATTR, get_attr, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_SET_DEVICE_ATTR, set_attr, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_KVMCLOCK_CTRL, clock_ctrl, WR_IOCTL_LOCK),
	WR_IOCTL_RAW(KVM_SET_SIGNAL_MASK, set_signal_mask, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_ENABLE_CAP, enable_cap, WR_IOCTL_LOCK),
	WR_IOCTL(KVM_GET_STATS_FD, get_stats_fd, 0),
	WR_IOCTL(WARREN_TRACE_OPEN, trace_open, 0),
};

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	struct wr_vcpu *vcpu = file->private_data;

	if (vcpu->vm->mm != current->mm)
		return -EIO;
	/* The one call that is made all the time goes without the table. */
	if (likely(cmd == KVM_RUN))
		return run(vcpu, user);
	return wr_ioctl_dispatch(vcpu_ioctls, ARRAY_SIZE(vcpu_ioctls), vcpu, &vcpu->mutex, cmd, user);
}

static vm_fault_t vcpu_fault(struct vm_fault *fault)
{
	struct wr_vcpu *vcpu = fault->vma->vm_file->private_data;
	struct page *page;

	switch (fault->pgoff) {
	case 0:
		page = virt_to_page(vcpu->run);
		break;
	case KVM_PIO_PAGE_OFFSET:
		page = virt_to_page(vcpu->pio_data);
		break;
	case KVM_COALESCED_MMIO_PAGE_OFFSET:
		page = wr_coalesced_page(vcpu->vm);
		break;
	default:
		page = wr_dirty_ring_page(vcpu, fault->pgoff);
		break;
	}
	if (!page)
		return VM_FAULT_SIGBUS;
	get_page(page);
	fault->page = page;
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct wr_vcpu *vcpu = file->private_data;
	unsigned long unfit = (vma->vm_flags & VM_EXEC) | (~vma->vm_flags & VM_SHARED);

	/* What userspace writes to a copy of its own of a ring would never be seen. */
	if (unfit && wr_dirty_ring_meets(vcpu, vma->vm_pgoff, vma_pages(vma)))
		return -EINVAL;
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct wr_vcpu *vcpu = file->private_data;

	wr_vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.llseek = noop_llseek,
};

/**
 * wr_vcpu_destroy - free a vCPU
 * @vcpu: no file refers to it, nobody else can find it
 *
 * Context: may sleep.
 */
void wr_vcpu_destroy(struct wr_vcpu *vcpu)
{
	wr_ring_end(vcpu);
	if (wr_has_lapic(vcpu))
		wr_lapic_destroy(vcpu);
	wr_dirty_ring_free(vcpu);
	wr_table_cache_free(&vcpu->tables);
	wr_shadow_vcpu_free(vcpu);
	wr_cpuid_free(vcpu);
	wr_mce_free(vcpu);
	wr_fpu_free(vcpu);
	put_pid(vcpu->thread);
	free_page((unsigned long)vcpu->pio_data);
	free_page((unsigned long)vcpu->run);
	wr_backend->vcpu_free(vcpu);
}

static int make_lapic(struct wr_vcpu *vcpu)
{
	int err;

	if (vcpu->vm->irq.mode == WR_IRQCHIP_NONE)
		return 0;
	err = wr_lapic_create(vcpu);
	if (!err)
		vcpu->lapic_assist = wr_backend->lapic_assist(vcpu);
	return err;
}

static struct wr_vcpu *vcpu_alloc(struct wr_vm *vm, u32 id)
{
	struct wr_vcpu *vcpu = wr_backend->vcpu_alloc(vm);

	if (!vcpu)
		return NULL;
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->cpu = -1;
	vcpu->enter = wr_enter;
	vcpu->event.extint = -1;
	/* The VM may be paused. */
	wr_vcpu_request(vcpu, WR_REQ_LIFE);
	mutex_init(&vcpu->mutex);
	rcuwait_init(&vcpu->wait);
	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->pio_data = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->run || !vcpu->pio_data || wr_dirty_ring_alloc(vcpu) || wr_fpu_alloc(vcpu) || wr_mce_init(vcpu) ||
	    make_lapic(vcpu)) {
		wr_vcpu_destroy(vcpu);
		return NULL;
	}
	wr_cpuid_vcpu_init(vcpu);
	wr_policy_vcpu_init(vcpu);
	wr_clock_vcpu_init(vcpu);
	vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
	if (wr_has_lapic(vcpu) && id != vm->bsp_id)
		vcpu->mp_state = KVM_MP_STATE_UNINITIALIZED;
	vcpu->apic_base = wr_lapic_default_base(vcpu);
	wr_vcpu_reset(vcpu, false);
	return vcpu;
}

/* Make it findable, at the place reserved for it; from here on only the end of the VM removes it. */
static void publish(struct wr_vm *vm, struct wr_vcpu *vcpu)
{
	vcpu->index = atomic_read(&vm->online_vcpus);
	xa_store(&vm->vcpus, vcpu->index, vcpu, GFP_KERNEL_ACCOUNT);
	smp_wmb(); /* pairs with readers of online_vcpus: the vCPU before the count */
	atomic_inc(&vm->online_vcpus);
	wr_lapic_ids_add(vcpu);
}

/**
 * wr_vcpu_by_id - find a vCPU by its id
 * @vm: its VM
 * @id: APIC id
 *
 * Return: the vCPU or NULL. Context: any.
 */
struct wr_vcpu *wr_vcpu_by_id(struct wr_vm *vm, u32 id)
{
	struct wr_vcpu *vcpu = xa_load(&vm->vcpus, id);
	unsigned long i;

	/* Nearly always created in the order of their ids. */
	if (vcpu && vcpu->id == id)
		return vcpu;
	wr_for_each_vcpu(i, vcpu, vm)
		if (vcpu->id == id)
			return vcpu;
	return NULL;
}

static int create_locked(struct wr_vm *vm, u32 id)
{
	struct wr_vcpu *vcpu;
	struct file *file;
	int fd, err;

	if (vm->created_vcpus >= WR_MAX_VCPUS)
		return -EINVAL;
	if (vm->policy.max_vcpu_id && id >= vm->policy.max_vcpu_id)
		return -EINVAL;
	if (wr_vcpu_by_id(vm, id))
		return -EEXIST;
	if (!vm->coalesced) {
		err = wr_coalesced_init(vm);
		if (err)
			return err;
	}
	if (wr_backend->caps->needs_identity_map) {
		err = wr_private_identity_map(vm);
		if (err)
			return err;
	}
	/* Once there is a file nothing may fail: it would be closed only after the vCPU is gone. */
	err = xa_reserve(&vm->vcpus, vm->created_vcpus, GFP_KERNEL_ACCOUNT);
	if (err)
		return err;
	vcpu = vcpu_alloc(vm, id);
	if (!vcpu) {
		err = -ENOMEM;
		goto err_release;
	}
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		err = fd;
		goto err_destroy;
	}
	file = anon_inode_getfile("warren-vcpu", &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto err_put_fd;
	}
	wr_vm_get(vm);
	vm->created_vcpus++;
	publish(vm, vcpu);
	wr_vcpu_created(vcpu);
	fd_install(fd, file);
	return fd;

err_put_fd:
	put_unused_fd(fd);
err_destroy:
	wr_vcpu_destroy(vcpu);
err_release:
	xa_release(&vm->vcpus, vm->created_vcpus);
	return err;
}

/**
 * wr_vcpu_create - KVM_CREATE_VCPU
 * @vm: its VM
 * @id: its APIC id, below WR_MAX_VCPU_IDS
 *
 * Return: a file descriptor; -EEXIST for an id in use; -EINVAL past WR_MAX_VCPUS; -ENOMEM, -EMFILE.
 */
int wr_vcpu_create(struct wr_vm *vm, u32 id)
{
	int r;

	mutex_lock(&vm->lock);
	r = create_locked(vm, id);
	mutex_unlock(&vm->lock);
	return r;
}

static int transfer_one(struct wr_vcpu *vcpu, struct kvm_msr_entry *entry, enum wr_msrs_op op)
{
	switch (op) {
	case WR_MSRS_GET:
		return wr_msr_get(vcpu, entry->index, &entry->data, true);
	case WR_MSRS_SET:
		return wr_msr_set(vcpu, entry->index, entry->data, true);
	default:
		return wr_msr_get_feature(entry->index, &entry->data);
	}
}

/**
 * wr_msrs_transfer - KVM_GET_MSRS, KVM_SET_MSRS
 * @user: count and entries
 * @vcpu: whose; NULL for features
 * @op: which
 *
 * Return: how many were transferred before one was refused; -E2BIG past %MAX_MSRS; -EFAULT, -ENOMEM.
 */
long wr_msrs_transfer(struct kvm_msrs __user *user, struct wr_vcpu *vcpu, enum wr_msrs_op op)
{
	struct kvm_msr_entry *entries;
	struct kvm_msrs head;
	size_t size;
	long r;
	u32 n;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nmsrs >= MAX_MSRS)
		return -E2BIG;
	size = array_size(head.nmsrs, sizeof(*entries));
	if (!size)
		return 0;
	entries = memdup_user(user->entries, size);
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	for (n = 0; n < head.nmsrs; n++)
		if (transfer_one(vcpu, &entries[n], op))
			break;
	r = n;
	if (op != WR_MSRS_SET && copy_to_user(user->entries, entries, size))
		r = -EFAULT;
	kfree(entries);
	return r;
}
