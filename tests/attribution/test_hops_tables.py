"""Address and MAC tables, accounting, authentications, logons and lists of devices."""

from davylamp.attribution.hops.record import Binding, Holder, Lease, Logon, PortEntry

from attribution.hoplines import NS, about, at, damages, outcomes, records

MAC = "3c:52:82:00:00:01"


def test_cisco_tables_bear_the_prompts_name_and_the_clocks_time():
    text = """core#show clock
*10:20:00.123 UTC Sat Jun 1 2024
core#show ip arp
Protocol  Address          Age (min)  Hardware Addr   Type   Interface
Internet  10.1.0.1                -   0011.2233.4455  ARPA   Vlan10
Internet  10.1.2.3               12   3c52.8200.0001  ARPA   Vlan10
Internet  10.1.2.9                0   Incomplete      ARPA
acc-1#show mac address-table
Vlan    Mac Address       Type        Ports
  10    3c52.8200.0001    DYNAMIC     Gi1/0/12
 All    0100.0ccc.cccc    STATIC      CPU"""
    arp, port = records("arp_mac", text)
    assert isinstance(arp, Binding)
    assert (arp.ip, arp.mac) == ("10.1.2.3", MAC)
    heard = at("2024-06-01T10:20:00") + 123_000_000
    assert (arp.seen.from_ns, arp.seen.to_ns) == (heard - 12 * 60 * NS, heard)
    assert isinstance(port, PortEntry)
    assert (port.mac, port.switch, port.port) == (MAC, "acc-1", "Gi1/0/12")
    assert arp.seen.note == ""


def test_a_table_without_clock_takes_the_files_time_and_says_so():
    (arp,) = records("arp_mac", "Internet  10.1.2.3  0  3c52.8200.0001  ARPA   Vlan10")
    assert (arp.seen.to_ns, "file" in arp.seen.note) == (about().reference_ns, True)


def test_huawei_and_h3c_tables():
    text = """<HW>display arp
IP ADDRESS      MAC ADDRESS     EXPIRE(M) TYPE        INTERFACE   VPN-INSTANCE
10.1.0.1        00e0-fc00-0001            I -         Vlanif10
10.1.2.3        3c52-8200-0001  20        D-0         GE0/0/1
<HW>display mac-address
MAC Address    VLAN/VSI/BD   Learned-From        Type                Age
3c52-8200-0001 10/-/-        GE0/0/12            dynamic             -
<H3>display mac-address
MAC Address      VLAN ID    State            Port/Nickname            Aging
3c52-8200-0001   10         Learned          GE1/0/7                  Y"""
    arp, first, second = records("arp_mac", text)
    assert (arp.ip, arp.mac) == ("10.1.2.3", MAC)
    assert (first.switch, first.port) == ("HW", "GE0/0/12")
    assert (second.switch, second.port) == ("H3", "GE1/0/7")


def test_neighbors_of_linux():
    text = "10.1.2.3 dev eth0 lladdr 3c:52:82:00:00:01 REACHABLE\n"
    text += "fe80::1 dev eth0 lladdr 3c:52:82:00:00:02 router STALE\n"
    assert [(r.ip, r.mac[-2:]) for r in records("arp_mac", text + "10.1.2.4 dev eth0  FAILED")] == [
        ("10.1.2.3", "01"), ("fe80::1", "02"),
    ]  # fmt: skip


DETAIL = """Sat Jun  1 10:30:00 2024
\tAcct-Status-Type = Stop
\tUser-Name = "li.m"
\tFramed-IP-Address = 10.1.2.3
\tCalling-Station-Id = "3C-52-82-00-00-01"
\tNAS-IP-Address = 10.0.0.9
\tNAS-Port-Id = "GigabitEthernet1/0/12"
\tAcct-Session-Time = 1800
\tTimestamp = 1717237800

Sat Jun  1 10:40:00 2024
\tAcct-Status-Type = Accounting-On
\tNAS-IP-Address = 10.0.0.9

Sat Jun  1 10:50:00 2024
\tAcct-Status-Type = Start
\tFramed-IP-Address = 10.1.2.999
\tUser-Name = "x"
"""


def test_accounting_packets_give_lease_logon_and_port():
    lease, logon, port = next(o for o in outcomes("radius", DETAIL) if isinstance(o, tuple))
    assert isinstance(lease, Lease)
    assert (lease.ip, lease.mac, lease.phase) == ("10.1.2.3", MAC, "close")
    assert (lease.seen.from_ns, lease.seen.to_ns) == (at("2024-06-01T10:00:00"), at("2024-06-01T10:30:00"))
    assert isinstance(logon, Logon)
    assert (logon.user, logon.ip, logon.mac) == ("li.m", "10.1.2.3", MAC)
    assert (port.switch, port.port) == ("10.0.0.9", "GigabitEthernet1/0/12")
    assert [d.line for d in damages("radius", DETAIL)] == [15]


def test_an_accounting_table_whose_session_runs_is_open():
    text = (
        "radacctid,username,nasipaddress,nasportid,acctstarttime,acctstoptime,callingstationid,framedipaddress\n"
        "1,li.m,10.0.0.9,Gi1/0/12,2024-06-01 10:00:00,2024-06-01 10:30:00,3C-52-82-00-00-01,10.1.2.3\n"
        "2,li.m,10.0.0.9,Gi1/0/12,2024-06-01 11:00:00,NULL,13912345678,10.1.2.3"
    )
    found = records("radius", text)
    assert [type(r).__name__ for r in found] == ["Lease", "Logon", "PortEntry", "Logon"]
    assert [r.seen.to_ns for r in found] == [at("2024-06-01T10:30:00")] * 3 + [None]


def test_authentications_under_chinese_head_lines_and_refusals_left_out():
    text = (
        "上线时间,下线时间,用户名,终端MAC,用户IP,接入设备,接入端口,认证结果\n"
        "2024-06-01 10:00:00,2024-06-01 11:00:00,20210001,3C52-8200-0001,10.1.2.3,acc-1,GE0/0/12,成功\n"
        "2024-06-01 10:00:00,,20210002,3C52-8200-0002,10.1.2.4,acc-1,GE0/0/13,认证失败"
    )
    binding, port, logon = records("nac", text)
    assert (binding.ip, binding.mac, binding.seen.to_ns) == ("10.1.2.3", MAC, at("2024-06-01T11:00:00"))
    assert (port.switch, port.port, logon.user) == ("acc-1", "GE0/0/12", "20210001")


def test_logons_of_machines_name_the_host_and_of_people_the_user():
    text = (
        '"TimeCreated","Id","TargetUserName","IpAddress","WorkstationName","LogonType"\n'
        '"6/1/2024 10:00:00 AM","4768","PC-1$","::ffff:10.1.2.3","",""\n'
        '"6/1/2024 10:01:00 AM","4624","CAMPUS\\li.m","10.1.2.3","PC-1","3"\n'
        '"6/1/2024 10:02:00 AM","4624","SYSTEM","-","-","5"\n'
        '"6/1/2024 10:02:00 AM","4634","li.m","10.1.2.3","-",""\n'
        '"6/1/2024 10:02:00 AM","4624","li.m","10.1.2.3.4","",""'
    )
    found = [r for o in outcomes("ad_logon", text) if isinstance(o, tuple) for r in o]
    assert [(r.user, r.host, r.ip) for r in found] == [("", "PC-1", "10.1.2.3"), ("li.m", "PC-1", "10.1.2.3")]
    assert found[0].seen.from_ns == at("2024-06-01T10:00:00")
    assert [d.line for d in damages("ad_logon", text)] == [6]


def test_a_list_of_devices_in_chinese_with_dates():
    text = (
        "资产编号,主机名,MAC地址,使用人,部门,房间,启用日期,停用日期\n"
        "1,PC-1,3C-52-82-00-00-01,李明,物理学院,B204,2021年9月8日,-\n"
        "2,PC-2,无,王芳,,,,\n"
        "3,,,赵强,,,,"
    )
    first, second = records("holders", text)
    assert isinstance(first, Holder)
    assert (first.holder, first.department, first.place, first.mac, first.host) == (
        "李明",
        "物理学院",
        "B204",
        MAC,
        "PC-1",
    )
    assert (first.seen.from_ns, first.seen.to_ns) == (at("2021-09-08T00:00:00"), None)
    assert (second.holder, second.mac, second.host) == ("王芳", "", "PC-2")
