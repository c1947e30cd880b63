"""What planners see: server-rendered pages in Chinese and English."""

from app.pages.routes import router

__all__ = ["router"]
