/** Paths of znodes: absolute, `/`-separated, case-sensitive. */

export const ROOT = '/'
const SLASH = 0x2f
const DOT = 0x2e
/** Nodes that are there from the start and cannot be deleted. */
export const FIXED_PATHS: readonly string[] = ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config']

/** What is below here rules the rest of the tree: `/zookeeper/quota/app/zookeeper_limits` limits `/app`. */
export const QUOTA_ROOT = '/zookeeper/quota'
export const LIMITS_NAME = 'zookeeper_limits'
export const STATS_NAME = 'zookeeper_stats'
const QUOTA_BEGIN = `${QUOTA_ROOT}/`
const LIMITS_END = `/${LIMITS_NAME}`
const STATS_END = `/${STATS_NAME}`

/** Whose limits this znode holds; `null`: it holds none. The root has none. */
export const governedPathOf = (path: string): string | null => quotaOwner(path, LIMITS_END)
/** Whose stats this znode holds. */
export const statedPathOf = (path: string): string | null => quotaOwner(path, STATS_END)

function quotaOwner(path: string, end: string): string | null {
  if (!path.startsWith(QUOTA_BEGIN) || !path.endsWith(end)) return null
  return path.slice(QUOTA_ROOT.length, -end.length) || null
}

/** The parent's path; the root is its own. Works on invalid paths too, because parents are looked up first. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash <= 0 ? ROOT : path.slice(0, slash)
}

export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** What is checked before the parent is looked up. */
export const isPathLike = (path: string): boolean => path.includes('/') && !path.includes('\0')

/** ZooKeeper's rules for the full path of a node. */
export function isValidPath(path: string): boolean {
  if (path === ROOT) return true
  if (!path.startsWith('/')) return false
  let dots = 0
  let length = 0 // of the name that is being read
  for (let i = 1; i <= path.length; i += 1) {
    const unit = i === path.length ? SLASH : path.charCodeAt(i)
    if (isForbidden(unit)) return false
    if (unit === SLASH) {
      if (length === 0 || (length === dots && dots <= 2)) return false // empty, `.` or `..`
      dots = length = 0
    } else {
      length += 1
      if (unit === DOT) dots += 1
    }
  }
  return true
}

// By UTF-16 unit, as Java does: surrogates are refused, and with them everything beyond the basic plane.
function isForbidden(unit: number): boolean {
  return (
    unit <= 0x1f ||
    (unit >= 0x7f && unit <= 0x9f) ||
    (unit >= 0xd800 && unit <= 0xf8ff) ||
    (unit >= 0xfff0 && unit <= 0xffff)
  )
}

/** The suffix of a sequential node: Java's `%010d` of a signed 32-bit number. */
export function sequenceSuffix(createCount: number): string {
  const digits = String(Math.abs(createCount))
  return createCount < 0 ? `-${digits.padStart(9, '0')}` : digits.padStart(10, '0')
}
