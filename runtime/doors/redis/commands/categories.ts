/** Redis's categories of commands, as far as there are such commands here. */
import type { Command } from '../command.ts'

export const CATEGORIES: readonly string[] = [
  ...['keyspace', 'read', 'write', 'string', 'pubsub', 'admin', 'fast', 'slow', 'dangerous'],
  ...['connection', 'transaction'],
]

/** Each with its `@`. */
export function categoriesOf({ flags, group }: Pick<Command, 'flags' | 'group'>): string[] {
  const categories: string[] = []
  if (flags.includes('write')) categories.push('@write')
  if (flags.includes('readonly')) categories.push('@read')
  if (group === 'generic') categories.push('@keyspace')
  else if (group === 'string') categories.push('@string')
  else if (group === 'transactions') categories.push('@transaction')
  else if (group === 'connection') categories.push('@connection')
  if (flags.includes('admin')) categories.push('@admin', '@dangerous')
  categories.push(flags.includes('fast') ? '@fast' : '@slow')
  return categories
}
