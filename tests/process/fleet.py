"""Nodes that a test launches, kills and destroys one by one, with command lines of its own."""

import os
import shutil

import cluster
import daemons

END_SECONDS = 30


class Fleet(daemons.Daemons):
    """Nodes that are launched, killed and destroyed one by one. Node N has the id N if they joined in this order."""

    def __init__(self):
        super().__init__(0)
        self.words = []  # of the launch under way

    def home(self, node, *names):
        """The node's directory, or what is in it."""
        return self.path(os.path.join(f"node-{node}", *names))

    def role(self, node):
        return self.words

    def numbers(self):
        """Those that are to run."""
        return list(self.processes)

    def launch(self, node, *words, join=None):
        """Starts the node's process; one that joins is told of node `join`."""
        while self.count < node:
            self.add_place()
        self.words = [*words] if join is None else [*words, "--join", self.address(join, self.peer_port(join))]
        self.spawn(node)

    def start_node(self, node, *words, join=None):
        """Launches it, and waits until it serves."""
        self.launch(node, *words, join=join)
        self.await_serving(node)

    def begin(self, count, *words):
        self.start_node(1, "--init", *words)
        for node in range(2, count + 1):
            self.start_node(node, join=1)
        self.settle()

    def ended(self, node):
        """The exit status of a process that ends by itself."""
        return self.processes.pop(node).wait(END_SECONDS)

    def kill(self, node):
        super().kill(node)
        del self.processes[node]

    def stop_node(self, node):
        super().stop_node(node)
        del self.processes[node]

    def destroy(self, *nodes):
        for node in nodes:
            self.kill(node)
        for node in nodes:
            shutil.rmtree(self.home(node))

    def members(self, node):
        """What the node tells of all nodes, by id."""
        return {entry["node_id"]: entry for entry in self.client(node).ask("GET", "/v1/nodes").json()["nodes"]}

    def settle(self):
        """Waits until every process serves, and nothing is on its way to anyone."""
        self.await_serving(*self.numbers())
        super().settle()

    def recover(self, destroyed, nodes, *more):
        return cluster.run_program(cluster.BRUSIO, "recover-voters", "--destroyed", ",".join(map(str, destroyed)),
                                   *more, *(self.home(node) for node in nodes))
