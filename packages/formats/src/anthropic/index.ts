export { writeError } from './errors.ts';
export { writeModel, writeModelList } from './models.ts';
export { readCount, readMessages } from './request.ts';
