"""A device of visclf from Python, through device_driver.so.

    device = Device("build/device_driver.so", "cpu", threads=2)
    network = Network(device, "resnet18", "linear", size=224, classes=1000)
    plan = Plan(network, training=True, direct=False, max_batch=8)
    plan.set(network.start(seed=1))
    logits, features = plan.forward(images)     # uint8 [n, size, size, 3]
    loss, logits = plan.step(images, labels, Step(...))

Parameters are dictionaries of numpy arrays under torchvision's names.
"""
import ctypes as c

import numpy as np

# vc_role
WEIGHT, BIAS, NORM_WEIGHT, NORM_BIAS, RUNNING_MEAN, RUNNING_VARIANCE, CONSTANT = range(7)


class Step(c.Structure):
    """device.h's vc_step."""
    _fields_ = [("rate", c.c_float * 3), ("momentum", c.c_float),
                ("square_momentum", c.c_float), ("epsilon", c.c_float),
                ("weight_decay", c.c_float), ("frozen_groups", c.c_int),
                ("step", c.c_int64), ("seed", c.c_uint64)]


def pointer(array):
    """The address of a contiguous array, or NULL for None."""
    if array is None:
        return None
    assert array.flags.c_contiguous
    return array.ctypes.data_as(c.c_void_p)


class Device:
    """An open device."""

    def __init__(self, library, kind, threads=1):
        self.library = c.CDLL(library)
        for name, result in (("driver_error", c.c_char_p), ("driver_parameter", c.c_char_p),
                             ("driver_open", c.c_void_p), ("driver_network", c.c_void_p),
                             ("driver_plan", c.c_void_p), ("driver_int8_plan", c.c_void_p),
                             ("driver_calibrate", c.c_bool), ("driver_plan_memory", c.c_int64),
                             ("driver_set", c.c_bool), ("driver_get", c.c_bool),
                             ("driver_gradient", c.c_bool), ("driver_forward", c.c_bool),
                             ("driver_train_step", c.c_bool),
                             ("vc_network_multiplications", c.c_int64)):
            getattr(self.library, name).restype = result
        self.session = c.c_void_p(self.check(self.library.driver_open(kind.encode(), threads)))

    def check(self, result):
        if not result:
            raise RuntimeError(self.library.driver_error().decode())
        return result


class Network:
    """A network and what its parameters are; head is "concat" or "linear"."""

    def __init__(self, device, architecture, head, size, classes, dropout=0.0):
        self.device = device
        self.size = size
        self.classes = classes
        lib = device.library
        self.handle = c.c_void_p(device.check(lib.driver_network(
            architecture.encode(), ("concat", "linear").index(head), size, classes,
            c.c_float(dropout))))
        self.features = lib.driver_features(self.handle)
        self.multiplications = lib.vc_network_multiplications(self.handle)
        self.parameters = []            # (name, role, group, shape)
        while True:
            role, group, ndim, shape = c.c_int(), c.c_int(), c.c_int(), (c.c_int * 4)()
            name = lib.driver_parameter(self.handle, len(self.parameters), c.byref(role),
                                        c.byref(group), c.byref(ndim), shape)
            if name is None:
                break
            self.parameters.append((name.decode(), role.value, group.value,
                                    tuple(shape[:ndim.value])))

    def start(self, seed):
        """Starting values of every stored parameter."""
        values = {}
        for index, (name, role, _, shape) in enumerate(self.parameters):
            if role != CONSTANT:
                values[name] = np.empty(shape, np.float32)
                self.device.library.vc_parameter_init(self.handle, index, c.c_uint64(seed),
                                                      pointer(values[name]))
        return values

    def __del__(self):
        if hasattr(self, "handle"):
            self.device.library.vc_network_free(self.handle)


class Plan:
    """A plan of a network on its device; for int8 where it is given ranges."""

    def __init__(self, network, training, direct, max_batch, ranges=None):
        self.network = network
        self.device = network.device
        self.library = self.device.library
        if ranges is not None:
            made = self.library.driver_int8_plan(self.device.session, network.handle, max_batch,
                                                 pointer(ranges))
        else:
            made = self.library.driver_plan(self.device.session, network.handle, int(training),
                                            int(direct), max_batch)
        self.handle = c.c_void_p(self.device.check(made))

    def __del__(self):
        if hasattr(self, "handle"):
            self.library.driver_plan_free(self.device.session, self.handle)

    def memory(self):
        return self.library.driver_plan_memory(self.device.session, self.handle)

    def calibrate(self, images, ranges=None):
        """The largest activations of a float32 plan's nodes, with those of ranges."""
        if ranges is None:
            ranges = np.zeros(self.library.driver_nodes(self.network.handle), np.float32)
        self.device.check(self.library.driver_calibrate(
            self.device.session, self.handle, pointer(images), len(images), pointer(ranges)))
        return ranges

    def set(self, values):
        for index, (name, role, _, shape) in enumerate(self.network.parameters):
            if role != CONSTANT:
                value = np.ascontiguousarray(values[name], np.float32)
                assert value.shape == shape, (name, value.shape, shape)
                self.device.check(self.library.driver_set(
                    self.device.session, self.handle, index, pointer(value)))

    def get(self):
        values = {}
        for index, (name, role, _, shape) in enumerate(self.network.parameters):
            if role != CONSTANT:
                values[name] = np.empty(shape, np.float32)
                self.device.check(self.library.driver_get(
                    self.device.session, self.handle, index, pointer(values[name])))
        return values

    def forward(self, images):
        count = len(images)
        logits = np.empty((count, self.network.classes), np.float32)
        features = np.empty((count, self.network.features), np.float32)
        self.device.check(self.library.driver_forward(
            self.device.session, self.handle, pointer(images), count, pointer(logits),
            pointer(features)))
        return logits, features

    def step(self, images, labels, step):
        count = len(images)
        logits = np.empty((count, self.network.classes), np.float32)
        loss = c.c_float()
        self.device.check(self.library.driver_train_step(
            self.device.session, self.handle, pointer(images), pointer(labels.astype(np.int32)),
            count, c.byref(step), c.byref(loss), pointer(logits)))
        return loss.value, logits
