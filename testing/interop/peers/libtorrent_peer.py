"""A libtorrent DHT node, driven over standard input and output, one JSON object a line.

    -> {"id": 1, "cmd": "start", "listen": "127.1.21.1:0"}
    <- {"id": 1, "ok": {"addr": "127.1.21.1:40001"}}
    <- {"id": 2, "error": "no answer within 15 s"}

The commands are those of bittorrent_dht_peer.mjs: start, add_node, nodes, put_immutable,
get_immutable, put_mutable, get_mutable, announce, get_peers, stop. Keys, targets and values are hex;
a value is the content of one bencoded byte string. The library is used as it is installed, with its
default limits: only what would leave the loopback interface is switched off.
"""

import hashlib
import json
import sys
import time

import libtorrent as lt

TIMEOUT_SECS = 15

# A lookup that has brought nothing newer for so long is taken to be at its end.
SETTLED_SECS = 2


class Peer:
    def __init__(self):
        self.session = None

    def start(self, listen, timeout=TIMEOUT_SECS):
        host, port = split(listen)
        self.session = lt.session(
            {
                "listen_interfaces": f"{host}:{port}",
                "enable_dht": True,
                "dht_bootstrap_nodes": "",
                "enable_lsd": False,
                "enable_upnp": False,
                "enable_natpmp": False,
                # The put, get and get_peers results come as alerts; packets go to the log.
                "alert_mask": 0x7FFFFFFF,
            }
        )
        end = time.monotonic() + timeout
        while not (self.session.is_dht_running() and self.session.listen_port()):
            if time.monotonic() > end:
                raise TimeoutError(f"not listening within {timeout} s")
            self.session.wait_for_alert(50)
        return {"addr": f"{host}:{self.session.listen_port()}"}

    def add_node(self, addr, timeout=TIMEOUT_SECS):
        self.session.add_dht_node(split(addr))
        return {}

    def nodes(self, timeout=TIMEOUT_SECS):
        self.session.post_dht_stats()
        stats = self.wait(timeout, lambda a: isinstance(a, lt.dht_stats_alert))
        return {"nodes": sum(bucket["num_nodes"] for bucket in stats.routing_table)}

    def put_immutable(self, value, timeout=TIMEOUT_SECS):
        target = self.session.dht_put_immutable_item(bytes.fromhex(value))
        done = self.wait(
            timeout, lambda a: isinstance(a, lt.dht_put_alert) and a.target == target
        )
        return {"target": digest(target), "stored": done.num_success}

    def get_immutable(self, target, timeout=TIMEOUT_SECS):
        wanted = lt.sha1_hash(bytes.fromhex(target))
        self.session.dht_get_immutable_item(wanted)
        found = self.wait(
            timeout,
            lambda a: isinstance(a, lt.dht_immutable_item_alert) and a.target == wanted,
        )
        return {"value": text(found.item)}

    def put_mutable(self, seed, public_key, value, salt="", seq=None, timeout=TIMEOUT_SECS):
        """Stores the value under one more than the sequence number the network holds.

        libtorrent reads the present item first and chooses the number itself; `seq` is not used.
        """
        public = bytes.fromhex(public_key)
        salt = bytes.fromhex(salt)
        self.session.dht_put_mutable_item(
            expanded(bytes.fromhex(seed)), public, bytes.fromhex(value), salt
        )
        done = self.wait(
            timeout,
            lambda a: isinstance(a, lt.dht_put_alert)
            and bytes(a.public_key) == public
            and bytes(a.salt) == salt,
        )
        target = hashlib.sha1(public + salt).hexdigest()
        return {"target": target, "stored": done.num_success, "seq": done.seq}

    def get_mutable(self, public_key, salt="", timeout=TIMEOUT_SECS):
        """Returns the newest item of the whole lookup, or of its first part if it goes on for long.

        The library reports each newer item on its way, and at the end the newest once more. The end
        may be 15 s away: so long it waits for nodes that leave its 2-byte transaction ids unanswered,
        as mainline does.
        """
        public = bytes.fromhex(public_key)
        salt = bytes.fromhex(salt)
        self.session.dht_get_mutable_item(public, salt)
        end = time.monotonic() + timeout
        found, complete = None, False
        while not complete:
            try:
                alert = self.wait(
                    end - time.monotonic(),
                    lambda a: isinstance(a, lt.dht_mutable_item_alert)
                    and bytes(a.key) == public
                    and bytes(a.salt) == salt,
                )
            except TimeoutError:
                if found is None:
                    raise
                break
            value, complete = text(alert.item), alert.authoritative
            found = {"value": value, "seq": None if value is None else alert.seq}
            end = min(end, time.monotonic() + SETTLED_SECS)
        return found

    def announce(self, info_hash, port, timeout=TIMEOUT_SECS):
        """Starts an announce. libtorrent does not say when it is over."""
        self.session.dht_announce(lt.sha1_hash(bytes.fromhex(info_hash)), port, 0)
        return {}

    def get_peers(self, info_hash, timeout=TIMEOUT_SECS):
        """Returns the peers of the first answer that holds any."""
        wanted = lt.sha1_hash(bytes.fromhex(info_hash))
        self.session.dht_get_peers(wanted)
        try:
            found = self.wait(
                timeout,
                lambda a: isinstance(a, lt.dht_get_peers_reply_alert)
                and a.info_hash == wanted
                and a.num_peers() > 0,
            )
        except TimeoutError:
            return {"peers": []}
        return {"peers": [f"{host}:{port}" for host, port in found.peers()]}

    def wait(self, timeout, matches):
        """Returns the first alert that matches; all that come go to standard error.

        The library frees an alert when the next ones are popped: read it before waiting again.
        """
        end = time.monotonic() + timeout
        found = None
        while found is None:
            if time.monotonic() > end:
                raise TimeoutError(f"no answer within {timeout} s")
            self.session.wait_for_alert(100)
            for alert in self.session.pop_alerts():
                log(alert)
                if found is None and matches(alert):
                    found = alert
        return found


def log(alert):
    if alert.what().startswith("dht"):
        sys.stderr.write(f"{time.monotonic():.3f} {alert.what()}: {alert.message()}\n")


def split(addr):
    host, port = addr.rsplit(":", 1)
    return host, int(port)


def digest(sha1_hash):
    return sha1_hash.to_bytes().hex()


def text(item):
    """An item that was not found comes as None or as an empty entry."""
    return item.hex() if isinstance(item, bytes) and item else None


def expanded(seed):
    """libtorrent signs with the expanded form of a key, RFC 8032 section 5.1.5, not with its seed."""
    key = bytearray(hashlib.sha512(seed).digest())
    key[0] &= 248
    key[31] &= 63
    key[31] |= 64
    return bytes(key)


def main():
    peer = Peer()
    for line in sys.stdin:
        request = json.loads(line)
        number, command = request.pop("id"), request.pop("cmd")
        try:
            if command == "stop":
                reply = {"ok": {}}
            else:
                reply = {"ok": getattr(peer, command)(**request)}
        except Exception as error:  # the driver shows it; the next command may still work
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps({"id": number, **reply}), flush=True)
        if command == "stop":
            break


if __name__ == "__main__":
    main()
