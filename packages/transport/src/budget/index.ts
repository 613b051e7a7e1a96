export { Budget, budgetBytes, type BudgetOptions, type ConnectionBudget, defaultDoor, DoorBudget } from './budget.ts';
export { Turns } from './turns.ts';
