"""/v1/tasks: the work that goes with operations."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from orders.views import Page, TaskView, find_task, list_tasks
from storefront.context import InContext
from storefront.problems import NOT_FOUND, documented
from storefront.schemas import TaskFilter, Tasks

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])


@router.get("", response_model=Tasks, summary="List tasks")
async def list_of_tasks(wanted: Annotated[TaskFilter, Query()], context: InContext) -> Page[TaskView]:
    async with context.database.read() as session:
        return await list_tasks(
            session, wanted.asked(), state=wanted.state, service=wanted.service, department=wanted.department
        )


@router.get("/{number}", summary="Show a task", responses=documented(NOT_FOUND))
async def show_task(
    number: Annotated[int, Path(description="number of the task", examples=[7])], context: InContext
) -> TaskView:
    async with context.database.read() as session:
        return await find_task(session, number)
