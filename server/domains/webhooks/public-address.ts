import { type LookupAddress, lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { AddressRefused } from './errors.ts'

/** IPv4 that is not anybody's public host: RFC 6890 and what followed it. */
const reserved = new BlockList()
for (const network of [
  ...[
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.0.0.0/24',
  ],
  ...[
    '192.0.2.0/24',
    '192.88.99.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
  ],
  ...['224.0.0.0/4', '240.0.0.0/4'],
]) {
  const [address = '', bits] = network.split('/')
  reserved.addSubnet(address, Number(bits))
}
/** IPv6 hosts are in 2000::/3, except those that stand for an IPv4 address (6to4, Teredo) and examples. */
const global = new BlockList()
global.addSubnet('2000::', 3, 'ipv6')
const embedded = new BlockList()
for (const [network, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  embedded.addSubnet(network, bits, 'ipv6')
}

export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !reserved.check(address)
    case 6:
      return global.check(address, 'ipv6') && !embedded.check(address, 'ipv6')
    default:
      return false
  }
}

/**
 * A lookup for `net.connect` that gives public addresses alone. What it gives is what is connected to: a name cannot
 * mean one thing when it is looked at and another when it is used.
 */
export const lookupPublic: LookupFunction = (hostname, options, done) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    if (error) return done(error, '')
    const allowed = found.filter(({ address }) => isPublicAddress(address))
    const [first] = allowed
    if (!first || allowed.length < found.length) return done(new AddressRefused(hostname), '')
    if (options.all) return done(null, allowed)
    done(null, first.address, first.family)
  })
}
