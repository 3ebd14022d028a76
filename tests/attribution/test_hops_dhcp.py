"""Leases of every server: address, MAC, name and life as the server meant them."""

from davylamp.attribution.hops.record import Lease

from attribution.hoplines import NS, at, damages, outcomes, records

MAC = "3c:52:82:00:00:01"
LEASES = """# comment
lease 10.1.2.3 {
  starts 6 2024/06/01 10:00:00;
  ends 6 2024/06/01 14:00:00;
  cltt 6 2024/06/01 10:00:00;
  binding state active;
  next binding state free;
  hardware ethernet 3C:52:82:00:00:01;
  uid "\\001<R\\202";
  client-hostname "PC-1";
}
lease 10.1.2.4 {
  starts epoch 1717236000; # Sat Jun 01 10:00:00 2024
  ends never;
  binding state active;
  hardware ethernet 3c:52:82:00:00:02;
}
lease 10.1.2.5 {
  starts 6 2024/06/01 10:00:00;
  binding state abandoned;
  hardware ethernet 3c:52:82:00:00:03;
}
"""


def life(lease):
    return (lease.ip, lease.mac, lease.host, lease.phase, lease.seen.from_ns, lease.seen.to_ns)


def test_isc_blocks_are_in_utc_and_abandoned_addresses_are_nobodys():
    first, second = records("isc_dhcp", LEASES)
    assert life(first) == (
        "10.1.2.3",
        MAC,
        "PC-1",
        "span",
        at("2024-06-01T10:00:00"),
        at("2024-06-01T14:00:00"),
    )
    assert life(second) == ("10.1.2.4", "3c:52:82:00:00:02", "", "span", at("2024-06-01T10:00:00"), None)
    assert first.seen.line == 2


def test_an_isc_block_that_is_cut_is_damage_and_the_next_is_kept():
    cut = "lease 10.1.2.9 {\n  starts 6 2024/06/01 10:00:00;\n" + LEASES
    assert [d.line for d in damages("isc_dhcp", cut)] == [1]
    assert (
        sum(isinstance(r, Lease) for o in outcomes("isc_dhcp", cut) if isinstance(o, tuple) for r in o) == 2
    )


def test_an_isc_lease_that_ends_before_it_starts_is_damage():
    turned = LEASES.replace("ends 6 2024/06/01 14:00:00", "ends 6 2024/05/01 14:00:00")
    assert [d.line for d in damages("isc_dhcp", turned)] == [2]


def test_dhcpd_messages_open_and_close():
    given, gone, inform = (
        "Jun  1 10:00:00 dhcp1 dhcpd[812]: DHCPACK on 10.1.2.3 to 3c:52:82:00:00:01 (PC-1) via eth0",
        "Jun  1 12:00:00 dhcp1 dhcpd[812]: DHCPRELEASE of 10.1.2.3 from 3c:52:82:00:00:01 (PC-1) via eth0 (found)",
        "Jun  1 12:00:00 dhcp1 dhcpd[812]: DHCPACK to 10.1.2.3 (3c:52:82:00:00:01) via eth0",
    )
    first, last = records("isc_dhcp", "\n".join((given, gone, inform)))
    assert life(first) == ("10.1.2.3", MAC, "PC-1", "open", at("2024-06-01T10:00:00"), None)
    assert life(last) == ("10.1.2.3", MAC, "PC-1", "close", None, at("2024-06-01T12:00:00"))
    assert [d.line for d in damages("isc_dhcp", given[:70])] == [1]


def test_kea_rows_begin_a_lifetime_before_they_expire():
    text = (
        "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n"
        "10.1.2.3,3c:52:82:00:00:01,,3600,1717239600,1,0,0,pc-1.campus.,0,,0\n"
        "10.1.2.3,3c:52:82:00:00:01,,0,1717238000,1,0,0,,0,,0\n"
        "10.1.2.4,3c:52:82:00:00:02,,3600,1717239600,1,0,0,,1,,0\n"
        "10.1.2.3,3c:52:82:00:00:01,,ten,1717239600,1,0,0,,0,,0"
    )
    found = [r for o in outcomes("kea", text) if isinstance(o, tuple) for r in o]
    assert [life(r) for r in found] == [
        ("10.1.2.3", MAC, "pc-1.campus", "span", at("2024-06-01T10:00:00"), at("2024-06-01T11:00:00")),
        ("10.1.2.3", MAC, "", "close", None, 1717238000 * NS),
    ]
    assert [d.line for d in damages("kea", text)] == [5]


def test_dnsmasq_file_names_an_end_and_its_log_a_beginning():
    rows = records(
        "dnsmasq",
        "1717239600 3c:52:82:00:00:01 10.1.2.3 PC-1 01:3c:52:82:00:00:01\n"
        "0 3c:52:82:00:00:02 10.1.2.4 * *\n"
        "Jun  1 10:00:00 gw dnsmasq-dhcp[99]: DHCPACK(br0) 10.1.2.3 3c:52:82:00:00:01 PC-1",
    )
    assert life(rows[0]) == ("10.1.2.3", MAC, "PC-1", "span", None, at("2024-06-01T11:00:00"))
    assert life(rows[1]) == ("10.1.2.4", "3c:52:82:00:00:02", "", "span", None, None)
    assert life(rows[2]) == ("10.1.2.3", MAC, "PC-1", "open", at("2024-06-01T10:00:00"), None)


def test_windows_audit_rows_below_their_explanation():
    text = (
        "\t\tMicrosoft DHCP Service Activity Log\n\nEvent ID  Meaning\n10\tA new IP address was leased to a client.\n\n"
        "ID,Date,Time,Description,IP Address,Host Name,MAC Address,User Name, TransactionID, QResult\n"
        "24,06/01/24,00:00:10,Database Cleanup Begin,,,,,0,6\n"
        "10,06/01/24,10:00:00,Assign,10.1.2.3,PC-1.campus,3C5282000001,,77,0\n"
        "12,06/01/24,12:00:00,Release,10.1.2.3,PC-1.campus,3C5282000001,,78,0\n"
        "10,06/31/24,10:00:00,Assign,10.1.2.3,PC-1.campus,3C5282000001,,77,0"
    )
    found = [r for o in outcomes("windows_dhcp", text) if isinstance(o, tuple) for r in o]
    assert [life(r) for r in found] == [
        ("10.1.2.3", MAC, "PC-1.campus", "open", at("2024-06-01T10:00:00"), None),
        ("10.1.2.3", MAC, "PC-1.campus", "close", None, at("2024-06-01T12:00:00")),
    ]
    assert [d.line for d in damages("windows_dhcp", text)] == [10]
