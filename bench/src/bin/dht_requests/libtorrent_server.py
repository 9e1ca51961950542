"""A libtorrent DHT node with its limits lifted, for the benchmark beside this file.

Reads the contacts it starts with from standard input, one address a line up to an empty line, and
ends when its input does.
"""

import os
import sys
import time

import libtorrent

# A contact whose answer is lost on the way is not asked again of its own accord.
INTRODUCTIONS = 3

listen = sys.argv[1]
contacts = []
for line in sys.stdin:
    address = line.strip()
    if not address:
        break
    host, port = address.rsplit(":", 1)
    contacts.append((host, int(port)))
session = libtorrent.session({
    "listen_interfaces": listen,
    "enable_dht": True,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "dht_bootstrap_nodes": "",
    # Everything on one machine: no limit by address, and none on the rate.
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_prefer_verified_node_ids": False,
    "dht_ignore_dark_internet": False,
    "dht_block_ratelimit": 1_000_000,
    "dht_upload_rate_limit": 100_000_000,
    "upload_rate_limit": 0,
    "download_rate_limit": 0,
    "alert_mask": 0,
})
for _ in range(INTRODUCTIONS):
    for contact in contacts:
        session.add_dht_node(contact)
    time.sleep(1)
sys.stdin.read()
os._exit(0)
