"""What marks a field of a profile, so that pydantic reads it by the mark's own ``read``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


class ReadsWhole(ABC):
    """A mark that reads what stands in the file: ``read`` takes it as YAML gives it."""

    __slots__ = ()

    @abstractmethod
    def read(self, value: Any) -> Any:
        """What ``value`` means; a ValueError says why it means nothing."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)


class ChecksAfter(ABC):
    """A mark that checks what was read by the field's own type: ``read`` takes and gives that."""

    __slots__ = ()

    @abstractmethod
    def read(self, value: Any) -> Any:
        """``value``, or a ValueError that says what is wrong with it."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self.read, handler(source))
