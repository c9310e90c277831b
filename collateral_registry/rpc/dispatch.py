"""Dispatches each call to the servicers of the caller's lender.

The handler of a method is the same for all lenders, because admission chooses handlers once, by the name of the method.
Its function looks up the book, after the interceptors have identified the caller.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import grpc

from collateral_registry.domain.access.callers import label_of
from collateral_registry.domain.shared.errors import NotPermitted
from collateral_registry.logs import LENDER
from collateral_registry.rpc.book_services import BookServices
from collateral_registry.rpc.common.calls import current_caller

Behaviour = Callable[[Any, grpc.aio.ServicerContext], Any]
"""Function of a method, which returns an awaitable, or the iterator of a stream."""


def add_services(books: Mapping[str, BookServices], server: grpc.aio.Server) -> list[str]:
    """Adds every service to a server and returns their full names; ``books`` are the books by lender.

    A proto file has exactly one service.
    """
    names = []
    for servicers in zip(*(book.servicers for book in books.values()), strict=True):
        (base,) = type(servicers[0]).__bases__  # the generated class, in the module of handlers
        messages = sys.modules[base.__module__.removesuffix("_grpc")]
        (service,) = messages.DESCRIPTOR.services_by_name.values()
        of_lender = dict(zip(books, servicers, strict=True))
        methods = {
            method.name: _dispatched(books, {lender: getattr(one, method.name) for lender, one in of_lender.items()})
            for method in service.methods
        }
        getattr(sys.modules[base.__module__], f"add_{base.__name__}_to_server")(SimpleNamespace(**methods), server)
        names.append(str(service.full_name))
    return names


def _dispatched(books: Mapping[str, BookServices], behaviours: Mapping[str, Behaviour]) -> Behaviour:
    """Returns the function of a method that calls the function of the caller's lender.

    It raises NotPermitted for a lender without a book, and StoreUnavailable for a book that is not open.
    """

    def call(request: object, context: grpc.aio.ServicerContext) -> object:
        lender = current_caller().lender
        behaviour = behaviours.get(lender)
        if behaviour is None:
            raise NotPermitted("the lender of these credentials has no book at this service")
        LENDER.set(label_of(lender))
        books[lender].check_open()
        return behaviour(request, context)

    return call
