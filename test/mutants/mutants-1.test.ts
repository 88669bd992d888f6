/** Two files, so that they share the cores. */
import { everyOtherIsKilled } from './killed.ts'

everyOtherIsKilled(0)
