export {
  Budget,
  budgetBytes,
  type BudgetOption,
  type BudgetOptions,
  type ConnectionBudget,
  defaultDoor,
  PARTIAL_BYTES_FREE,
  DoorBudget,
} from './budget.ts';
export { Turns } from './turns.ts';
